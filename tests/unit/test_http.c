/* The client against real servers: requests, answers good and bad, and how it connects. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "tests/support/http_case.h"

/* --- answers, good and bad --- */

static const struct answer {
    const char *name;
    const char *says;
    bool hangs; /* says no more, but does not close either */
    bool dribbles;
    int status; /* wanted; 0: an error */
    const char *body;
    const char *error;
    int64_t timeout_ms, idle_ms;
} answers[] = {
    { .name = "length", .says = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", .status = 200, .body = "hello" },
    { .name = "chunks", .status = 200, .body = "hello",
      .says = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n" },
    { .name = "chunks, split everywhere", .dribbles = true,
      .says = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
      .status = 200, .body = "hello" },
    { .name = "until close", .says = "HTTP/1.1 200 OK\r\n\r\nhello", .status = 200, .body = "hello" },
    { .name = "no content", .says = "HTTP/1.1 204 No Content\r\n\r\n", .status = 204, .body = "" },
    { .name = "an error is a result", .says = "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}", .status = 404,
      .body = "{}" },
    { .name = "interim answer first", .status = 200, .body = "ok",
      .says = "HTTP/1.1 102 Processing\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" },
    { .name = "a redirect is not followed", .status = 302, .body = "",
      .says = "HTTP/1.1 302 Found\r\nLocation: /0\r\nContent-Length: 0\r\n\r\n" },
    { .name = "nothing", .says = "", .error = "the connection was closed without an answer" },
    { .name = "half a header", .says = "HTTP/1.1 200 OK\r\nContent-Le",
      .error = "the connection was closed without an answer" },
    { .name = "half a body", .says = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhel",
      .error = "the connection was closed in the middle of the answer" },
    { .name = "half a chunk", .says = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhel",
      .error = "the connection was closed in the middle of the answer" },
    { .name = "another protocol", .says = "SSH-2.0-OpenSSH_9.2\r\n", .error = "HTTP/0.9" },
    { .name = "too large", .says = "HTTP/1.1 200 OK\r\n\r\n0123456789012345678901234567890123456789",
      .error = "the answer is larger than 32 bytes" },
    { .name = "silence", .says = "", .hangs = true, .timeout_ms = 60, .error = "no answer within 60 ms" },
    { .name = "silence in the body", .says = "HTTP/1.1 200 OK\r\n\r\nhel", .hangs = true, .timeout_ms = 2000,
      .error = "the answer did not end within 2.0 s" },
    { .name = "idle", .says = "HTTP/1.1 200 OK\r\n\r\nhel", .hangs = true, .idle_ms = 60,
      .error = "nothing was sent or received within 60 ms" },
    { .name = "slow but never idle", .says = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", .dribbles = true,
      .idle_ms = 60000, .status = 200, .body = "hello" },
};

/* "GET /3" is answered by the table's row 3. */
static void serve_answers(int listener, const void *with)
{
    (void)with;
    auto_strbuf request = STRBUF_TEXT;
    for (;;) {
        auto_close int fd = hear_next(listener, &request);
        const struct answer *a = &answers[strtol(request.data + 5, NULL, 10)];
        if (!a->dribbles)
            say(fd, a->says);
        for (const char *c = a->says; a->dribbles && *c; c++) {
            (void)fd_write(fd, c, 1, NULL);
            nap(3);
        }
        if (a->hangs)
            (void)hear_out(fd);
    }
}

static int ask(struct http *h, size_t i, struct http_response *r, struct err *e)
{
    const struct answer *a = &answers[i];
    auto_free char *path = xasprintf("/%zu?token=secret", i);
    struct http_request q = { .method = "GET", .path = path, .timeout_ms = a->timeout_ms ? a->timeout_ms : 120000,
                              .idle_ms = a->idle_ms, .wake_fd = -1 };
    r->body.max = 32;
    return http_exchange(h, &q, r, e);
}

#define TRIES 10

/* A server that had not begun when the time was up is asked again. */
static int ask_patiently(struct http *h, size_t i, struct http_response *r, struct err *e)
{
    int got = ask(h, i, r, e);
    for (int try = 1; try < TRIES && got < 0 && *answers[i].says && strstr(err_text(e), "no answer within"); try++) {
        err_release(e);
        http_response_release(r);
        *r = (struct http_response)HTTP_RESPONSE_INIT;
        got = ask(h, i, r, e);
    }
    return got;
}

static void check_answer(struct http *h, size_t i)
{
    const struct answer *a = &answers[i];
    auto_http_response r = HTTP_RESPONSE_INIT;
    auto_err e = ERR_INIT;
    int got = ask_patiently(h, i, &r, &e);
    if (a->error) {
        if (got != -1 || e.kind != ERR_SYSTEM || !strstr(err_text(&e), a->error) || strstr(err_text(&e), "secret"))
            fail_msg("%s: %d, '%s'", a->name, got, err_text(&e));
    } else if (got != 0 || r.status != a->status || strcmp(strbuf_text(&r.body), a->body) != 0) {
        fail_msg("%s: %d, status %d, body '%s', '%s'", a->name, got, r.status, strbuf_text(&r.body), err_text(&e));
    }
}

static void test_answers(void **state)
{
    (void)state;
    auto_server s = server_start(serve_answers, NULL);
    auto_http *h = client_of(&s);
    for (size_t i = 0; i < ARRAY_SIZE(answers); i++)
        check_answer(h, i);
}

static void serve_large_header(int listener, const void *with)
{
    (void)with;
    auto_strbuf request = STRBUF_TEXT;
    auto_close int fd = hear_next(listener, &request);
    say(fd, "HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < 40000; i++)
        say(fd, "X-Noise: 0123456789\r\n");
    (void)hear_out(fd);
}

static void test_large_header(void **state)
{
    (void)state;
    auto_server s = server_start(serve_large_header, NULL);
    auto_http *h = client_of(&s);
    struct http_request q = { .method = "GET", .path = "/", .timeout_ms = 120000, .wake_fd = -1 };
    auto_http_response r = HTTP_RESPONSE_INIT;
    auto_err e = ERR_INIT;
    assert_int_equal(http_exchange(h, &q, &r, &e), -1);
    assert_non_null(strstr(err_text(&e), "header")); /* newer libcurls refuse it in words of their own */
}

/* --- what is sent --- */

/* Answers each request with its own text; counts connections in a header. */
static void serve_echo(int listener, const void *with)
{
    (void)with;
    auto_strbuf request = STRBUF_TEXT;
    for (int n = 1;; n++) {
        auto_close int fd = accept(listener, NULL, NULL);
        while (hear(fd, &request)) {
            auto_free char *head = xasprintf("HTTP/1.1 200 OK\r\nX-Connection:   %d  \r\n"
                                             "Content-Length: %zu\r\n\r\n", n, request.len);
            say(fd, head);
            say(fd, strncmp(request.data, "HEAD", 4) ? request.data : "");
        }
    }
}

static const struct {
    const char *name, *method, *body, *type, *header;
    const char *wanted[3];
    const char *unwanted;
} requests[] = {
    { "get", "GET", NULL, NULL, "X-Registry-Auth: abc",
      { "GET /a/../b%20c?d=e HTTP/1.1\r\n", "\r\nX-Registry-Auth: abc\r\n", "\r\nUser-Agent: test\r\n" },
      "Content-" },
    { "delete", "DELETE", NULL, NULL, NULL, { "DELETE /a" }, "Content-" },
    { "post without a body", "POST", NULL, NULL, NULL, { "POST /a", "\r\nContent-Length: 0\r\n" }, "Content-Type" },
    { "post", "POST", "{\"a\":1}", "application/json", NULL,
      { "POST /a", "\r\nContent-Type: application/json\r\n", "\r\nContent-Length: 7\r\n" }, "Expect" },
    { "post's body", "POST", "{\"a\":1}", "application/json", NULL, { "\r\n\r\n{\"a\":1}" }, "Expect" },
    { "put", "PUT", "x", NULL, NULL, { "PUT /a", "\r\n\r\nx" }, "Content-Type" },
};

static void test_requests(void **state)
{
    (void)state;
    auto_server s = server_start(serve_echo, NULL);
    auto_http *h = client_of(&s);
    for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
        auto_strvec headers = STRVEC_INIT;
        if (requests[i].header)
            strvec_push(&headers, requests[i].header);
        struct http_request q = { .method = requests[i].method, .path = "/a/../b%20c?d=e", .headers = &headers,
                                  .content_type = requests[i].type, .body = requests[i].body,
                                  .body_len = requests[i].body ? strlen(requests[i].body) : 0,
                                  .timeout_ms = 120000, .wake_fd = -1 };
        auto_http_response r = HTTP_RESPONSE_INIT;
        assert_int_equal(http_exchange(h, &q, &r, NULL), 0);
        const char *sent = strbuf_text(&r.body);
        for (size_t k = 0; k < 3 && requests[i].wanted[k]; k++)
            if (!strstr(sent, requests[i].wanted[k]))
                fail_msg("%s: no '%s' in:\n%s", requests[i].name, requests[i].wanted[k], sent);
        if (strstr(sent, requests[i].unwanted))
            fail_msg("%s: '%s' in:\n%s", requests[i].name, requests[i].unwanted, sent);
    }
}

static void test_head(void **state)
{
    (void)state;
    auto_server s = server_start(serve_echo, NULL);
    auto_http *h = client_of(&s);
    struct http_request q = { .method = "HEAD", .path = "/a", .timeout_ms = 120000, .wake_fd = -1 };
    auto_http_response r = HTTP_RESPONSE_INIT;
    assert_int_equal(http_exchange(h, &q, &r, NULL), 0);
    assert_int_equal(r.status, 200);
    assert_int_equal(r.body.len, 0);
    assert_string_equal(http_header(&r, "x-connection"), "1");
    assert_null(http_header(&r, "x-conn"));
    assert_null(http_header(&r, "missing"));
}

static void test_connection_is_kept(void **state)
{
    (void)state;
    auto_server s = server_start(serve_echo, NULL);
    auto_http *h = client_of(&s);
    for (int i = 0; i < 3; i++) {
        struct http_request q = { .method = "POST", .path = "/a", .body = "x", .body_len = 1, .timeout_ms = 120000,
                                  .wake_fd = -1 };
        auto_http_response r = HTTP_RESPONSE_INIT;
        assert_int_equal(http_exchange(h, &q, &r, NULL), 0);
        assert_string_equal(http_header(&r, "x-connection"), "1");
    }
}

/* --- side by side --- */

enum { MANY = 5 };

/* Answers nobody before everybody has asked; the path is the answer's status. */
static void serve_together(int listener, const void *with)
{
    (void)with;
    int fds[MANY], status[MANY];
    auto_strbuf request = STRBUF_TEXT;
    for (int i = 0; i < MANY; i++) {
        fds[i] = accept(listener, NULL, NULL);
        (void)hear(fds[i], &request);
        status[i] = (int)strtol(request.data + 5, NULL, 10);
    }
    for (int i = MANY - 1; i >= 0; i--) {
        auto_free char *answer = xasprintf("HTTP/1.1 %d Well\r\nContent-Length: 3\r\n\r\n%d", status[i], status[i]);
        if (status[i])
            say(fds[i], answer);
        (void)close(fds[i]);
    }
}

static void test_side_by_side(void **state)
{
    (void)state;
    static const int wanted[MANY] = { 200, 404, 0, 201, 500 };
    auto_server s = server_start(serve_together, NULL);
    auto_http *h = client_of(&s);
    struct http_request q[MANY];
    struct http_response r[MANY];
    struct err errs[MANY];
    char paths[MANY][16];
    for (int i = 0; i < MANY; i++) {
        (void)snprintf(paths[i], sizeof(paths[i]), "/%d", wanted[i]);
        q[i] = (struct http_request){ .method = "GET", .path = paths[i], .timeout_ms = 120000, .wake_fd = -1 };
        r[i] = (struct http_response)HTTP_RESPONSE_INIT;
        errs[i] = (struct err)ERR_INIT;
    }
    assert_int_equal(http_exchange_all(h, q, r, errs, MANY), -1);
    for (int i = 0; i < MANY; i++) {
        if (wanted[i])
            assert_string_equal(strbuf_text(&r[i].body), paths[i] + 1);
        assert_int_equal(r[i].status, wanted[i]);
        assert_string_equal(err_text(&errs[i]),
                            wanted[i] ? "" : "GET /0: the connection was closed without an answer");
        http_response_release(&r[i]);
        err_release(&errs[i]);
    }
}

/* --- connecting --- */

static char *connect_error(const char *path)
{
    struct http_origin origin = { .unix_socket = path, .base = "http://test" };
    auto_http *h = NULL;
    auto_err e = ERR_INIT;
    struct http_request q = { .method = "GET", .path = "/", .timeout_ms = 120000, .wake_fd = -1 };
    auto_http_response r = HTTP_RESPONSE_INIT;
    assert_int_equal(http_open(&origin, &h, &e), 0);
    assert_int_equal(http_exchange(h, &q, &r, &e), -1);
    assert_int_equal(e.kind, ERR_SYSTEM);
    return take(&e.msg);
}

static void test_connect_missing(void **state)
{
    (void)state;
    auto_free char *text = connect_error("/tmp/test-http-is-not-there");
    assert_string_equal(
        text, "connect to unix:///tmp/test-http-is-not-there: there is no such socket: is the daemon running?");
}

static void test_connect_refused(void **state)
{
    (void)state;
    auto_server s = server_start(NULL, NULL);
    (void)close(s.listener);
    s.listener = -1;
    auto_free char *text = connect_error(s.socket);
    auto_free char *wanted =
        xasprintf("connect to unix://%s: connection refused: is it running?", s.socket);
    assert_string_equal(text, wanted);
}

/* Permissions do not stop root, so somebody else tries, and reports by a pipe. */
static void test_connect_forbidden(void **state)
{
    (void)state;
    auto_server s = server_start(NULL, NULL);
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(chmod(s.dir, 0755), 0);
    assert_int_equal(chmod(s.socket, 0000), 0);
    pid_t pid = fork();
    if (pid == 0) {
        if (geteuid() == 0 && setuid(65534) < 0)
            _exit(1);
        auto_free char *text = connect_error(s.socket);
        say(fds[1], text);
        _exit(0);
    }
    (void)close(fds[1]);
    char got[512] = "";
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_true(read(fds[0], got, sizeof(got) - 1) > 0);
    (void)close(fds[0]);
    auto_free char *wanted = xasprintf("connect to unix://%s: permission denied: this user may not use the socket, "
                                       "is it in the socket's group?", s.socket);
    assert_string_equal(got, wanted);
}

static void test_connect_tcp(void **state)
{
    (void)state;
    struct http_origin origin = { .base = "http://127.0.0.1:1" };
    auto_http *h = NULL;
    auto_err e = ERR_INIT;
    struct http_request q = { .method = "GET", .path = "/", .timeout_ms = 120000, .wake_fd = -1 };
    auto_http_response r = HTTP_RESPONSE_INIT;
    assert_int_equal(http_open(&origin, &h, &e), 0);
    assert_int_equal(http_exchange(h, &q, &r, &e), -1);
    assert_string_equal(err_text(&e),
                        "connect to http://127.0.0.1:1: connection refused: is it running?");
}

static void test_open_refuses_other_protocols(void **state)
{
    (void)state;
    static const char *const bases[] = { "", "file:///etc", "docker:2375", "ftp://host" };
    for (size_t i = 0; i < ARRAY_SIZE(bases); i++) {
        struct http_origin origin = { .base = bases[i] };
        struct http *h = NULL;
        auto_err e = ERR_INIT;
        if (http_open(&origin, &h, &e) != -1 || e.kind != ERR_CONFIG || h)
            fail_msg("'%s' was taken", bases[i]);
    }
}

static void test_encode(void **state)
{
    (void)state;
    static const struct {
        const char *text, *wanted;
    } rows[] = {
        { "", "" },
        { "azAZ09-._~", "azAZ09-._~" },
        { "{\"label\":[\"a=b\"]}", "%7B%22label%22%3A%5B%22a%3Db%22%5D%7D" },
        { "a b/c?d&e%", "a%20b%2Fc%3Fd%26e%25" },
        { "\xc3\xa9\n", "%C3%A9%0A" },
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_strbuf out = STRBUF_TEXT;
        http_encode(&out, rows[i].text);
        assert_string_equal(strbuf_text(&out), rows[i].wanted);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_large_header),
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_head),
        cmocka_unit_test(test_connection_is_kept),
        cmocka_unit_test(test_side_by_side),
        cmocka_unit_test(test_connect_missing),
        cmocka_unit_test(test_connect_refused),
        cmocka_unit_test(test_connect_forbidden),
        cmocka_unit_test(test_connect_tcp),
        cmocka_unit_test(test_open_refuses_other_protocols),
        cmocka_unit_test(test_encode),
    };
    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
