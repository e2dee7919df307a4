/* Bodies that a source gives while they are sent, and those that a function gets while they come. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/support/http_case.h"

/* --- a body from a source --- */

/* Adds up a chunked body, and says how large it was. */
static void serve_sum(int listener, const void *with)
{
    (void)with;
    auto_strbuf request = STRBUF_TEXT;
    for (;;) {
        auto_close int fd = hear_next(listener, &request);
        FILE *in = fdopen(dup(fd), "r");
        unsigned long total = 0, size = 0;
        char line[64];
        while (fgets(line, sizeof(line), in) && (size = strtoul(line, NULL, 16)) > 0) {
            total += size;
            for (unsigned long i = 0; i < size + 2; i++)
                (void)fgetc(in);
        }
        (void)fclose(in);
        auto_free char *answer = xasprintf("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n%lu %s", total,
                                           strstr(request.data, "Transfer-Encoding: chunked") ? "chunked" : "plain");
        say(fd, answer);
    }
}

static void test_source(void **state)
{
    (void)state;
    auto_server s = server_start(serve_sum, NULL);
    auto_http *h = client_of(&s);
    static const size_t sizes[] = { 0, 1, 16383, 65536, 3000000 };
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        struct letters letters = { .left = sizes[i] };
        struct http_request q = { .method = "PUT", .path = "/archive", .source = letters_next, .source_ctx = &letters,
                                  .timeout_ms = 120000, .wake_fd = -1 };
        auto_http_response r = HTTP_RESPONSE_INIT;
        auto_err e = ERR_INIT;
        if (http_exchange(h, &q, &r, &e) < 0)
            fail_msg("%zu: %s", sizes[i], err_text(&e));
        auto_free char *wanted = xasprintf("%zu chunked", sizes[i]);
        assert_string_equal(strbuf_text(&r.body), wanted);
    }
}

/* Says which length was announced, and how many bytes came until the peer was silent. */
static void serve_length(int listener, const void *with)
{
    (void)with;
    auto_strbuf request = STRBUF_TEXT;
    for (;;) {
        auto_close int fd = hear_next(listener, &request);
        const char *length = strstr(request.data, "Content-Length: ");
        size_t announced = length ? strtoul(length + 16, NULL, 10) : 0;
        size_t got = request.len - (size_t)(strstr(request.data, "\r\n\r\n") + 4 - request.data);
        char buf[4096];
        for (ssize_t n = 1; n > 0 && got < announced; got += n > 0 ? (size_t)n : 0)
            n = read(fd, buf, sizeof(buf));
        auto_free char *answer = xasprintf("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n%zu of %zu%s", got, announced,
                                           strstr(request.data, "chunked") ? ", chunked" : "");
        say(fd, answer);
    }
}

static void test_source_of_known_length(void **state)
{
    (void)state;
    auto_server s = server_start(serve_length, NULL);
    auto_http *h = client_of(&s);
    struct letters letters = { .left = 3000000 };
    struct http_request q = { .method = "PUT", .path = "/cache", .source = letters_next, .source_ctx = &letters,
                              .source_len = 3000000, .timeout_ms = 120000, .wake_fd = -1 };
    auto_http_response r = HTTP_RESPONSE_INIT;
    auto_err e = ERR_INIT;
    if (http_exchange(h, &q, &r, &e) < 0)
        fail_msg("%s", err_text(&e));
    assert_string_equal(strbuf_text(&r.body), "3000000 of 3000000");
}

/* A file that became shorter is no whole body: the server must not take it for one. */
static void test_source_ends_early(void **state)
{
    (void)state;
    auto_server s = server_start(serve_length, NULL);
    auto_http *h = client_of(&s);
    struct letters letters = { .left = 1000 };
    struct http_request q = { .method = "PUT", .path = "/cache", .source = letters_next, .source_ctx = &letters,
                              .source_len = 2000, .timeout_ms = 2000, .wake_fd = -1 };
    auto_http_response r = HTTP_RESPONSE_INIT;
    auto_err e = ERR_INIT;
    assert_int_equal(http_exchange(h, &q, &r, &e), -1);
    assert_int_equal(e.kind, ERR_SYSTEM);
}

static void test_source_fails(void **state)
{
    (void)state;
    auto_server s = server_start(serve_sum, NULL);
    auto_http *h = client_of(&s);
    struct letters letters = { .left = 100000, .fails = true };
    struct http_request q = { .method = "PUT", .path = "/archive", .source = letters_next, .source_ctx = &letters,
                              .timeout_ms = 120000, .wake_fd = -1 };
    auto_http_response r = HTTP_RESPONSE_INIT;
    auto_err e = ERR_INIT;
    assert_int_equal(http_exchange(h, &q, &r, &e), -1);
    assert_int_equal(e.kind, ERR_JOB);
    assert_string_equal(err_text(&e), "the source broke");
}

/* Refuses an upload without reading it, as Go's server does: answers, and closes when the client had the time to hear it. */
static void serve_refusal(int listener, const void *with)
{
    (void)with;
    for (;;) {
        auto_strbuf request = STRBUF_TEXT;
        auto_close int fd = hear_next(listener, &request);
        say(fd, "HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 7\r\n\r\nno such");
        (void)shutdown(fd, SHUT_WR);
        (void)poll(&(struct pollfd){ .fd = fd }, 1, 60000); /* until the client has closed it */
    }
}

static void test_source_refused(void **state)
{
    (void)state;
    auto_server s = server_start(serve_refusal, NULL);
    auto_http *h = client_of(&s);
    for (int i = 0; i < 10; i++) {
        struct letters letters = { .left = 50000000 };
        struct http_request q = { .method = "PUT", .path = "/archive", .source = letters_next,
                                  .source_ctx = &letters, .timeout_ms = 120000, .wake_fd = -1 };
        auto_http_response r = HTTP_RESPONSE_INIT;
        auto_err e = ERR_INIT;
        if (http_exchange(h, &q, &r, &e) < 0)
            fail_msg("%s", err_text(&e));
        assert_int_equal(r.status, 404);
        assert_string_equal(strbuf_text(&r.body), "no such");
        assert_true(letters.left > 0);
    }
}

/* --- bodies to a function --- */

static const struct {
    const char *name, *head;
    size_t refuse_after;
    int result;
    size_t streamed, kept; /* what on_data and what the response got */
} streams[] = {
    { "longer than any buffer", "HTTP/1.1 200 OK\r\n\r\n", 0, 0, STREAM, 0 },
    { "connection taken over", "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n", 0, 0,
      STREAM, 0 },
    { "an error's text", "HTTP/1.1 500 Oh\r\n\r\n", 0, 0, 0, STREAM },
    { "refused by its reader", "HTTP/1.1 200 OK\r\n\r\n", 100000, -1, 0, 0 },
};

static void test_streams(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(streams); i++) {
        auto_server s = server_start(serve_stream, streams[i].head);
        auto_http *h = client_of(&s);
        struct collector c = { .refuse_after = streams[i].refuse_after };
        struct http_request q = { .method = "GET", .path = "/logs", .on_data = collect, .data_ctx = &c,
                                  .timeout_ms = 120000, .wake_fd = -1 };
        auto_http_response r = HTTP_RESPONSE_INIT;
        auto_err e = ERR_INIT;
        int got = http_exchange(h, &q, &r, &e);
        if (got != streams[i].result)
            fail_msg("%s: %d, '%s'", streams[i].name, got, err_text(&e));
        if (got == 0 && (c.total != streams[i].streamed || r.body.len != streams[i].kept))
            fail_msg("%s: streamed %zu, kept %zu", streams[i].name, c.total, r.body.len);
        if (got < 0 && (e.kind != ERR_JOB || strcmp(err_text(&e), "enough") != 0))
            fail_msg("%s: '%s'", streams[i].name, err_text(&e));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_source),
        cmocka_unit_test(test_source_of_known_length),
        cmocka_unit_test(test_source_ends_early),
        cmocka_unit_test(test_source_fails),
        cmocka_unit_test(test_source_refused),
        cmocka_unit_test(test_streams),
    };
    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
