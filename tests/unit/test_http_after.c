/* A connection that is taken over: what goes to the peer after its answer has begun. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/support/http_case.h"

/* Checks that nothing follows the body before the answer; then counts until the
 * end of file and says how much came. */
static void serve_taken_over(int listener, const void *with)
{
    const int *delay = with;
    auto_strbuf request = STRBUF_TEXT;
    auto_close int fd = hear_next(listener, &request);
    struct pollfd early = { .fd = fd, .events = POLLIN };
    bool too_early = poll(&early, 1, *delay) > 0;
    bool chunked = strstr(request.data, "Transfer-Encoding");
    say(fd, "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n");
    size_t got = hear_out(fd);
    auto_free char *text = xasprintf("%zu%s%s %s", got, too_early ? " early" : "", chunked ? " chunked" : "",
                                     strstr(request.data, "\r\n\r\n") + 4);
    say(fd, text);
}

static int exchange_after(struct http *h, struct letters *letters, const char *body, struct collector *c,
                          struct http_response *r, struct err *e)
{
    struct http_request q = { .method = "POST", .path = "/exec/1/start", .content_type = "application/json",
                              .body = body, .body_len = strlen(body), .after = letters_next, .after_ctx = letters,
                              .on_data = c ? collect : NULL, .data_ctx = c, .timeout_ms = 120000, .wake_fd = -1 };
    return http_exchange(h, &q, r, e);
}

static const struct {
    const char *body;
    size_t after;
    int delay;
    const char *wanted;
} taken_over[] = {
    { "{}", 0, 0, "0 {}" },
    { "{}", 1, 100, "1 {}" },
    { "", 10, 30, "10 " },
    { "{\"Detach\":false}", 5000000, 30, "5000000 {\"Detach\":false}" },
};

static void test_after(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(taken_over); i++) {
        auto_server s = server_start(serve_taken_over, &taken_over[i].delay);
        auto_http *h = client_of(&s);
        struct letters letters = { .left = taken_over[i].after };
        auto_http_response r = HTTP_RESPONSE_INIT;
        auto_err e = ERR_INIT;
        if (exchange_after(h, &letters, taken_over[i].body, NULL, &r, &e) < 0)
            fail_msg("row %zu: %s", i, err_text(&e));
        assert_string_equal(strbuf_text(&r.body), taken_over[i].wanted);
    }
}

static void test_after_a_refusal_nothing_is_sent(void **state)
{
    (void)state;
    auto_server s = server_start(serve_stream, "HTTP/1.1 409 Conflict\r\n\r\n");
    auto_http *h = client_of(&s);
    struct letters letters = { .left = 100 };
    auto_http_response r = HTTP_RESPONSE_INIT;
    assert_int_equal(exchange_after(h, &letters, "{}", NULL, &r, NULL), 0);
    assert_int_equal(r.status, 409);
    assert_int_equal(r.body.len, STREAM);
    assert_false(letters.asked);
}

static void test_after_fails(void **state)
{
    (void)state;
    static const int delay = 0;
    auto_server s = server_start(serve_taken_over, &delay);
    auto_http *h = client_of(&s);
    struct letters letters = { .left = 100000, .fails = true };
    auto_http_response r = HTTP_RESPONSE_INIT;
    auto_err e = ERR_INIT;
    assert_int_equal(exchange_after(h, &letters, "{}", NULL, &r, &e), -1);
    assert_string_equal(err_text(&e), "the source broke");
}

/* A script that ends before its text: the peer closes with most of `after` unread,
 * and still all of its output arrives. */
static void serve_early_end(int listener, const void *with)
{
    (void)with;
    for (;;) {
        auto_strbuf request = STRBUF_TEXT;
        auto_close int fd = hear_next(listener, &request);
        say(fd, "HTTP/1.1 200 OK\r\n\r\n");
        nap(20);
        say_much(fd);
    }
}

static void test_after_is_not_read(void **state)
{
    (void)state;
    auto_server s = server_start(serve_early_end, NULL);
    auto_http *h = client_of(&s);
    for (int i = 0; i < 20; i++) {
        struct letters letters = { .left = (size_t)1 << 30 };
        struct collector c = { 0 };
        auto_http_response r = HTTP_RESPONSE_INIT;
        auto_err e = ERR_INIT;
        if (exchange_after(h, &letters, "{}", &c, &r, &e) < 0)
            fail_msg("%s", err_text(&e));
        assert_int_equal(c.total, STREAM);
        assert_true(letters.left > 0);
    }
}

/* A conversation: each answer of the peer's has to be here before the next word can go out. */
enum { WORDS = 50 };

/* Begins when the source has said, through the pipe `with`, that it has nothing. */
static void serve_conversation(int listener, const void *with)
{
    const int *go = with;
    auto_strbuf request = STRBUF_TEXT;
    auto_close int fd = hear_next(listener, &request);
    say(fd, "HTTP/1.1 200 OK\r\n\r\n");
    char c;
    if (read(*go, &c, 1) == 1)
        say(fd, "?");
    for (int i = 0; i < WORDS && read(fd, &c, 1) == 1; i++)
        (void)fd_write(fd, &c, 1, NULL);
    if (hear_out(fd) == 0) /* the end of file came */
        say(fd, ".");
}

/* What the peer says is put into a pipe, which the source reads: nothing is there before the peer said it. */
struct conversation {
    int in, out; /* the pipe; `out` is closed after WORDS */
    int go;      /* gets a byte whenever there is nothing; -1: nobody asks */
    int heard;
};

static int conversation_hear(void *ctx, const char *data, size_t len, struct err *e)
{
    struct conversation *c = ctx;
    if (c->out >= 0 && fd_write(c->out, data, len, e) < 0)
        return -1;
    c->heard += (int)len;
    if (c->heard >= WORDS && c->out >= 0)
        (void)close(take_fd(&c->out));
    return 0;
}

static ssize_t conversation_say(void *ctx, char *buf, size_t size, struct err *e)
{
    struct conversation *c = ctx;
    struct pollfd ready = { .fd = c->in, .events = POLLIN };
    if (poll(&ready, 1, 0) == 0)
        return c->go >= 0 && fd_write(c->go, "g", 1, e) < 0 ? -1 : http_later(c->in);
    return read(c->in, buf, size);
}

static int converse(struct http *h, struct conversation *c, struct err *e)
{
    auto_http_response r = HTTP_RESPONSE_INIT;
    struct http_request q = { .method = "POST", .path = "/", .body = "{}", .body_len = 2, .after = conversation_say,
                              .after_ctx = c, .on_data = conversation_hear, .data_ctx = c, .timeout_ms = 120000,
                              .wake_fd = -1 };
    return http_exchange(h, &q, &r, e);
}

static void test_after_has_nothing_now(void **state)
{
    (void)state;
    int fds[2], go[2];
    assert_int_equal(pipe(go), 0);
    auto_server s = server_start(serve_conversation, &go[0]);
    assert_int_equal(pipe(fds), 0); /* only now: the server must not hold it open */
    auto_http *h = client_of(&s);
    auto_err e = ERR_INIT;
    struct conversation c = { .in = fds[0], .out = fds[1], .go = go[1] };
    if (converse(h, &c, &e) < 0)
        fail_msg("%s", err_text(&e));
    assert_int_equal(c.heard, 1 + WORDS + 1); /* the question, each word again, and the word for the end of file */
    (void)close(c.in);
    (void)close(go[0]);
    (void)close(go[1]);
}

/* The peer goes while nobody types. */
static void test_after_never_has_anything(void **state)
{
    (void)state;
    auto_server s = server_start(serve_early_end, NULL);
    auto_http *h = client_of(&s);
    auto_err e = ERR_INIT;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    struct conversation c = { .in = fds[0], .out = -1, .go = -1 };
    if (converse(h, &c, &e) < 0)
        fail_msg("%s", err_text(&e));
    assert_int_equal(c.heard, STREAM);
    (void)close(fds[0]);
    (void)close(fds[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_after),
        cmocka_unit_test(test_after_a_refusal_nothing_is_sent),
        cmocka_unit_test(test_after_fails),
        cmocka_unit_test(test_after_is_not_read),
        cmocka_unit_test(test_after_has_nothing_now),
        cmocka_unit_test(test_after_never_has_anything),
    };
    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
