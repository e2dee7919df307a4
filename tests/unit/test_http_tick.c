/* The function that is called while an answer is awaited. */
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/support/http_case.h"

struct ticker {
    int calls, fd, end_at;
    int begun;         /* where to write at the first call; 0: nowhere */
    int tell, tell_at; /* where to write at which call: then the server answers */
    int64_t every_ms;
    bool woken;
};

static int tick(void *ctx, int64_t *next_ms, struct err *e)
{
    struct ticker *t = ctx;
    char c;
    t->calls++;
    if (t->fd >= 0 && poll(&(struct pollfd){ .fd = t->fd, .events = POLLIN }, 1, 0) == 1)
        t->woken = read(t->fd, &c, 1) == 1;
    *next_ms = t->every_ms;
    if (t->calls == 1 && t->begun)
        say(t->begun, "!");
    if (t->calls == t->tell_at)
        say(t->tell, "!");
    if (t->end_at && t->calls >= t->end_at)
        return err_set(e, ERR_CANCELLED, 15, "told to stop");
    return 0;
}

/* Answers a while after it was told to. */
static void serve_when_told(int listener, const void *with)
{
    auto_strbuf request = STRBUF_TEXT;
    char c;
    for (;;) {
        auto_close int fd = accept(listener, NULL, NULL);
        if (!hear(fd, &request) || read(*(const int *)with, &c, 1) != 1)
            continue;
        nap(100);
        say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    }
}

static int exchange_ticking(const struct server *s, struct ticker *t, struct err *e)
{
    auto_http *h = client_of(s);
    struct http_request q = { .method = "GET", .path = "/wait", .timeout_ms = 120000, .tick = tick, .tick_ctx = t,
                              .wake_fd = t->fd };
    auto_http_response r = HTTP_RESPONSE_INIT;
    return http_exchange(h, &q, &r, e);
}

static void test_tick_by_time(void **state)
{
    (void)state;
    int told[2];
    assert_int_equal(pipe(told), 0);
    auto_close int hears = told[0], tells = told[1];
    auto_server s = server_start(serve_when_told, &hears);
    struct ticker often = { .fd = -1, .every_ms = 20, .tell = tells, .tell_at = 4 };
    struct ticker never = { .fd = -1, .every_ms = -1, .tell = tells, .tell_at = 1 };
    int64_t start = clock_ms();
    assert_int_equal(exchange_ticking(&s, &often, NULL), 0);
    assert_in_range(often.calls, 4, 2 + (clock_ms() - start) / 20);
    assert_int_equal(exchange_ticking(&s, &never, NULL), 0);
    assert_int_equal(never.calls, 1); /* the first call asks when to come again */
}

static void test_tick_by_wake_fd(void **state)
{
    (void)state;
    int fds[2], told[2], begun[2];
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(pipe(told), 0);
    assert_int_equal(pipe(begun), 0);
    auto_close int out = fds[0], in = fds[1], hears = told[0], tells = told[1], awaits = begun[0], begins = begun[1];
    auto_server s = server_start(serve_when_told, &hears);
    pid_t waker = fork();
    if (waker == 0) {
        char c;
        (void)!read(awaits, &c, 1); /* what came before the first call would be taken by that */
        nap(60);
        say(in, "!");
        _exit(0);
    }
    struct ticker t = { .fd = out, .every_ms = -1, .begun = begins, .tell = tells, .tell_at = 2 };
    assert_int_equal(exchange_ticking(&s, &t, NULL), 0);
    assert_int_equal(waitpid(waker, NULL, 0), waker);
    assert_true(t.woken);
    assert_int_equal(t.calls, 2);
}

static void test_tick_ends_it(void **state)
{
    (void)state;
    int told[2];
    assert_int_equal(pipe(told), 0);
    auto_close int hears = told[0], tells = told[1];
    auto_server s = server_start(serve_when_told, &hears);
    static const int ends[] = { 1, 3 };
    for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
        struct ticker t = { .fd = -1, .every_ms = 10, .end_at = ends[i], .tell = tells };
        auto_err e = ERR_INIT;
        int64_t start = clock_ms();
        assert_int_equal(exchange_ticking(&s, &t, &e), -1);
        assert_int_equal(e.kind, ERR_CANCELLED);
        assert_string_equal(err_text(&e), "told to stop");
        assert_int_equal(t.calls, ends[i]);
        assert_true(clock_ms() - start < 60000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tick_by_time),
        cmocka_unit_test(test_tick_by_wake_fd),
        cmocka_unit_test(test_tick_ends_it),
    };
    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
