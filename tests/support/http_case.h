/* tests/support/http_case.h: a client, a server that is a process of its own and says what the test wants, at the
 * moment and in the pieces that it wants, and bodies that are made while they go.
 *
 * Include after cmocka.h. */
#ifndef TESTS_HTTP_CASE_H
#define TESTS_HTTP_CASE_H

#include "base/file.h"
#include "base/http.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

/* --- the server's side --- */

struct server {
    char *dir, *socket;
    int listener;
    pid_t pid;
};

static inline void say(int fd, const char *text)
{
    (void)fd_write(fd, text, strlen(text), NULL);
}

static inline void nap(int ms)
{
    (void)poll(NULL, 0, ms);
}

/* A request's header and as much of a body as its Content-Length says. False at the end. */
static inline bool hear(int fd, struct strbuf *request)
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

/* A connection on which a request came. */
static inline int hear_next(int listener, struct strbuf *request)
{
    for (;;) {
        auto_close int fd = accept(listener, NULL, NULL);
        if (hear(fd, request))
            return take_fd(&fd);
    }
}

/* Until the other side closes. Returns how many bytes came. */
static inline size_t hear_out(int fd)
{
    char chunk[4096];
    size_t total = 0;
    for (ssize_t n; (n = read(fd, chunk, sizeof(chunk))) > 0;)
        total += (size_t)n;
    return total;
}

static inline struct server server_start(void (*serve)(int listener, const void *with), const void *with)
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

static inline void server_stop(struct server *s)
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

static inline struct http *client_of(const struct server *s)
{
    struct http_origin origin = { .unix_socket = s->socket, .base = "http://test", .user_agent = "test" };
    struct http *h = NULL;
    assert_int_equal(http_open(&origin, &h, NULL), 0);
    return h;
}

/* --- bodies --- */

struct letters {
    size_t left;
    bool fails;
    bool asked;
};

static inline ssize_t letters_next(void *ctx, char *buf, size_t size, struct err *e)
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

struct collector {
    size_t total, pieces, refuse_after;
};

static inline int collect(void *ctx, const char *data, size_t len, struct err *e)
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

static inline void say_much(int fd)
{
    static char block[1 << 16];
    memset(block, 'y', sizeof(block));
    for (size_t sent = 0; sent < STREAM; sent += sizeof(block))
        (void)fd_write(fd, block, sizeof(block), NULL);
}

static inline void serve_stream(int listener, const void *with)
{
    auto_strbuf request = STRBUF_TEXT;
    for (;;) {
        auto_close int fd = hear_next(listener, &request);
        say(fd, with);
        say_much(fd);
    }
}

#endif
