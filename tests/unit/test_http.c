/* The client against real servers: processes that listen on a Unix socket and say
 * what the test wants, at the moment and in the pieces that it wants. */
#include "base/clock.h"
#include "base/file.h"
#include "base/http.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cmocka.h>

/* --- the server's side --- */

struct server {
    char *dir, *socket;
    int listener;
    pid_t pid;
};

static void say(int fd, const char *text)
{
    (void)fd_write(fd, text, strlen(text), NULL);
}

static void nap(int ms)
{
    (void)poll(NULL, 0, ms);
}

/* A request's header and as much of a body as its Content-Length says. False at the end. */
static bool hear(int fd, struct strbuf *request)
{
    char c;
    strbuf_clear(request);
    while (!strstr(strbuf_text(request), "\r\n\r\n")) {
        if (read(fd, &c, 1) != 1)
            return false;
        strbuf_putc(request, c);
    }
    const char *length = strstr(request->data, "Content-Length: ");
    for (long left = length ? strtol(length + 16, NULL, 10) : 0; left > 0; left--) {
        if (read(fd, &c, 1) != 1)
            return false;
        strbuf_putc(request, c);
    }
    return true;
}

/* Until the other side closes. Returns how many bytes came. */
static size_t hear_out(int fd)
{
    char chunk[4096];
    size_t total = 0;
    for (ssize_t n; (n = read(fd, chunk, sizeof(chunk))) > 0;)
        total += (size_t)n;
    return total;
}

static struct server server_start(void (*serve)(int listener, const void *with), const void *with)
{
    struct server s = { 0 };
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    assert_int_equal(dir_temporary("/tmp", "test-http-", &s.dir, NULL), 0);
    s.socket = xasprintf("%s/socket", s.dir);
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", s.socket);
    s.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(s.listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(s.listener, 16), 0);
    s.pid = serve ? fork() : 0;
    if (serve && s.pid == 0) {
        (void)signal(SIGPIPE, SIG_IGN);
        (void)alarm(240);
        serve(s.listener, with);
        _exit(0);
    }
    return s;
}

static void server_stop(struct server *s)
{
    if (s->pid > 0) {
        (void)kill(s->pid, SIGKILL);
        (void)waitpid(s->pid, NULL, 0);
    }
    (void)close(s->listener);
    assert_int_equal(dir_remove(s->dir, NULL), 0);
    free(s->dir);
    free(s->socket);
}
#define auto_server __attribute__((cleanup(server_stop))) struct server

static struct http *client_of(const struct server *s)
{
    struct http_origin origin = { .unix_socket = s->socket, .base = "http://test", .user_agent = "test" };
    struct http *h = NULL;
    assert_int_equal(http_open(&origin, &h, NULL), 0);
    return h;
}

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
        auto_close int fd = accept(listener, NULL, NULL);
        if (!hear(fd, &request))
            continue;
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

static void check_answer(struct http *h, size_t i)
{
    const struct answer *a = &answers[i];
    auto_free char *path = xasprintf("/%zu?token=secret", i);
    struct http_request q = { .method = "GET", .path = path, .timeout_ms = a->timeout_ms ? a->timeout_ms : 120000,
                              .idle_ms = a->idle_ms, .wake_fd = -1 };
    auto_http_response r = HTTP_RESPONSE_INIT;
    auto_err e = ERR_INIT;
    r.body.max = 32;
    int got = http_exchange(h, &q, &r, &e);
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
    auto_close int fd = accept(listener, NULL, NULL);
    (void)hear(fd, &request);
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

/* --- a body from a source --- */

struct letters {
    size_t left;
    bool fails;
    bool asked;
};

static ssize_t letters_next(void *ctx, char *buf, size_t size, struct err *e)
{
    struct letters *l = ctx;
    l->asked = true;
    if (l->fails && l->left == 0)
        return err_set(e, ERR_JOB, 7, "the source broke");
    size_t n = size < l->left ? size : l->left;
    memset(buf, 'x', n);
    l->left -= n;
    return (ssize_t)n;
}

/* Adds up a chunked body, and says how large it was. */
static void serve_sum(int listener, const void *with)
{
    (void)with;
    auto_strbuf request = STRBUF_TEXT;
    for (;;) {
        auto_close int fd = accept(listener, NULL, NULL);
        if (!hear(fd, &request))
            continue;
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
        auto_close int fd = accept(listener, NULL, NULL);
        if (!hear(fd, &request))
            continue;
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

/* Refuses an upload without reading it, as Go's server does: answers, and closes a little later. */
static void serve_refusal(int listener, const void *with)
{
    (void)with;
    for (;;) {
        auto_strbuf request = STRBUF_TEXT;
        auto_close int fd = accept(listener, NULL, NULL);
        if (!hear(fd, &request))
            continue;
        say(fd, "HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 7\r\n\r\nno such");
        (void)shutdown(fd, SHUT_WR);
        nap(50);
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

struct collector {
    size_t total, pieces, refuse_after;
};

static int collect(void *ctx, const char *data, size_t len, struct err *e)
{
    struct collector *c = ctx;
    (void)data;
    c->total += len;
    c->pieces++;
    if (c->refuse_after && c->total >= c->refuse_after)
        return err_set(e, ERR_JOB, 0, "enough");
    return 0;
}

enum { STREAM = 5 << 20 };

static void say_much(int fd)
{
    static char block[1 << 16];
    memset(block, 'y', sizeof(block));
    for (size_t sent = 0; sent < STREAM; sent += sizeof(block))
        (void)fd_write(fd, block, sizeof(block), NULL);
}

static void serve_stream(int listener, const void *with)
{
    auto_strbuf request = STRBUF_TEXT;
    for (;;) {
        auto_close int fd = accept(listener, NULL, NULL);
        if (!hear(fd, &request))
            continue;
        say(fd, with);
        say_much(fd);
    }
}

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

/* --- a connection that is taken over --- */

/* Checks that nothing follows the body before the answer; then counts until the
 * end of file and says how much came. */
static void serve_taken_over(int listener, const void *with)
{
    const int *delay = with;
    auto_strbuf request = STRBUF_TEXT;
    auto_close int fd = accept(listener, NULL, NULL);
    (void)hear(fd, &request);
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
        auto_close int fd = accept(listener, NULL, NULL);
        if (!hear(fd, &request))
            continue;
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
    auto_close int fd = accept(listener, NULL, NULL);
    (void)hear(fd, &request);
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

/* --- ticks --- */

struct ticker {
    int calls, fd, end_at;
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
    int fds[2], told[2];
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(pipe(told), 0);
    auto_close int out = fds[0], in = fds[1], hears = told[0], tells = told[1];
    auto_server s = server_start(serve_when_told, &hears);
    pid_t waker = fork();
    if (waker == 0) {
        nap(60);
        say(in, "!");
        _exit(0);
    }
    struct ticker t = { .fd = out, .every_ms = -1, .tell = tells, .tell_at = 2 };
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
        cmocka_unit_test(test_source),
        cmocka_unit_test(test_source_of_known_length),
        cmocka_unit_test(test_source_ends_early),
        cmocka_unit_test(test_source_fails),
        cmocka_unit_test(test_source_refused),
        cmocka_unit_test(test_streams),
        cmocka_unit_test(test_after),
        cmocka_unit_test(test_after_a_refusal_nothing_is_sent),
        cmocka_unit_test(test_after_fails),
        cmocka_unit_test(test_after_is_not_read),
        cmocka_unit_test(test_after_has_nothing_now),
        cmocka_unit_test(test_after_never_has_anything),
        cmocka_unit_test(test_tick_by_time),
        cmocka_unit_test(test_tick_by_wake_fd),
        cmocka_unit_test(test_tick_ends_it),
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
