#include "executor/deploy_server.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "executor/deploy_job.h"
#include "executor/deploy_relay.h"
#include "executor/deploy_way.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>

/* Of one script: more than a job has a use for. */
#define REQUESTS_MAX 200
/* For the whole request to come, and for a client to take what is said to it. */
#define REQUEST_MS   ((int64_t)10000)
#define SEND_S       20
/* For a deploy that is called off to be undone: the job's end waits for it. */
#define STOP_MS      ((int64_t)120000)

enum { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_HOST = 3 };

struct server {
    const struct host *host;
    const struct invocation *in;
    struct engine *engine; /* the job's daemon, and the container for a relay */
    const char *container;
    int stop_fd;
};

/* One client. */
struct client {
    int fd;
    int stop_fd; /* -1: a relayed one's, which seems to go when the job is told to end */
    bool gone;   /* it takes nothing any more */
};

/* ---- What is said to a client ---- */

static void send_frame(struct client *c, enum wire_kind kind, const char *data, size_t len)
{
    auto_strbuf frame = STRBUF_TEXT;

    wire_put(&frame, kind, data, len);
    for (size_t at = 0; at < frame.len && !c->gone;) {
        ssize_t n = send(c->fd, frame.data + at, frame.len - at, MSG_NOSIGNAL);
        if (n > 0)
            at += (size_t)n;
        else if (n == 0 || errno != EINTR)
            c->gone = true; /* or it has not read for so long that it counts as gone */
    }
}

static void send_line(struct client *c, enum wire_kind kind, const char *prefix, const char *line)
{
    auto_strbuf text = STRBUF_TEXT;

    strbuf_printf(&text, "%s%s\n", prefix, line);
    for (size_t at = 0; at < text.len; at += WIRE_LINE_MAX)
        send_frame(c, kind, text.data + at, text.len - at < WIRE_LINE_MAX ? text.len - at : WIRE_LINE_MAX);
}

static void say(void *ctx, enum log_level level, const char *line)
{
    static const struct {
        enum wire_kind kind;
        const char *prefix;
    } as[] = {
        [LOG_ERROR] = { WIRE_ERR, "ERROR: " },
        [LOG_WARNING] = { WIRE_ERR, "WARNING: " },
        [LOG_INFO] = { WIRE_OUT, "" },
        [LOG_DEBUG] = { WIRE_OUT, "" },
    };

    send_line(ctx, as[level].kind, as[level].prefix, line);
}

static void send_exit(struct client *c, int code)
{
    auto_free char *text = xasprintf("%d", code);

    send_frame(c, WIRE_EXIT, text, strlen(text));
}

/* ---- One request ---- */

/* 1 when *out is the request; 0 when there is none: the client went away, or was told why. */
static int receive(struct client *c, struct wire_request *out)
{
    auto_strbuf in = STRBUF_INIT(WIRE_REQUEST_MAX + 16384);
    struct pollfd fds[] = { { .fd = c->fd, .events = POLLIN }, { .fd = c->stop_fd, .events = POLLIN } };
    int64_t end = clock_ms() + REQUEST_MS;
    static const char late[] = "it did not come in time";
    const char *why = late;
    char chunk[16384];
    int got = 0;

    while (got == 0) {
        int64_t left = end - clock_ms();
        if (left <= 0 || poll(fds, ARRAY_SIZE(fds), (int)left) == 0)
            break;
        if (fds[1].revents)
            return 0;
        ssize_t n = recv(c->fd, chunk, sizeof(chunk), MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
            return 0;
        why = "it is too long";
        if (n > 0 && strbuf_add(&in, chunk, (size_t)n) < 0)
            break;
        got = wire_request_get(strbuf_text(&in), in.len, out, &why);
        if (got == 0)
            why = late;
    }
    if (got == 1)
        return 1;
    send_line(c, WIRE_ERR, "ERROR: the request was not understood: ", why);
    send_exit(c, EXIT_REFUSED);
    return 0;
}

/* Ends the deploy when the job is told to end, and when the client has closed: it says nothing after its request. */
static int end_when_unwanted(void *ctx, int64_t *next_ms, struct err *e)
{
    const struct client *c = ctx;
    struct pollfd fds[] = { { .fd = c->fd, .events = POLLIN }, { .fd = c->stop_fd, .events = POLLIN } };

    *next_ms = -1;
    if (c->gone || poll(fds, ARRAY_SIZE(fds), 0) > 0)
        return err_set(e, ERR_CANCELLED, 0, fds[1].revents ? "the job was told to end" : "deploy-master was told to end");
    return 0;
}

/* One descriptor for the two: readable when either is. */
static int watch_both(const struct client *c, struct err *e)
{
    int fds[] = { c->fd, c->stop_fd };
    int both = epoll_create1(EPOLL_CLOEXEC);

    for (size_t i = 0; both >= 0 && i < ARRAY_SIZE(fds); i++) {
        struct epoll_event event = { .events = EPOLLIN | EPOLLRDHUP };
        if (fds[i] >= 0 && epoll_ctl(both, EPOLL_CTL_ADD, fds[i], &event) < 0) {
            (void)close(both);
            both = -1;
        }
    }
    return both >= 0 ? both : err_set(e, ERR_SYSTEM, errno, "watch the client: %s", strerror(errno));
}

static int deploy(const struct server *s, struct client *c, const struct wire_request *q, struct err *e)
{
    auto_close int both = watch_both(c, e);
    const struct engine_watch watch = { end_when_unwanted, c, both };
    const struct deploy_job job = { s->host, s->in->env, s->in->program, &watch, say, c };

    return both < 0 ? -1 : deploy_job_run(&job, q, e);
}

static void serve(const struct server *s, struct client *c)
{
    __attribute__((cleanup(wire_request_release))) struct wire_request q = { 0 };
    auto_err e = ERR_INIT;

    if (receive(c, &q) <= 0)
        return;
    if (deploy(s, c, &q, &e) == 0) {
        send_exit(c, EXIT_DONE);
        return;
    }
    send_line(c, WIRE_ERR, "ERROR: ", err_text(&e));
    send_exit(c, e.kind == ERR_JOB || e.kind == ERR_CANCELLED ? EXIT_REFUSED : EXIT_HOST);
}

/* ---- The process ---- */

/* In the job's folder by way of a current folder of our own: a socket's path is short. */
static int listen_here(const char *folder, struct err *e)
{
    if (chdir(folder) < 0)
        return err_set(e, ERR_SYSTEM, errno, "enter '%s': %s", folder, strerror(errno));
    int fd = wire_listen("", 0);
    return fd < 0 ? err_set(e, ERR_SYSTEM, errno, "listen in '%s': %s", folder, strerror(errno)) : fd;
}

static void be_patient(const struct client *c)
{
    const struct timeval patience = { .tv_sec = SEND_S };

    (void)setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
}

static int accept_client(int listener, struct client *c)
{
    c->fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (c->fd < 0)
        return -1;
    be_patient(c);
    return 0;
}

static void serve_all(const struct server *s, int listener)
{
    struct pollfd fds[] = { { .fd = s->stop_fd, .events = POLLIN }, { .fd = listener, .events = POLLIN } };

    for (int served = 0;;) {
        if (poll(fds, ARRAY_SIZE(fds), -1) < 0 && errno != EINTR)
            return;
        if (fds[0].revents)
            return;
        struct client c = { .fd = -1, .stop_fd = s->stop_fd };
        if (!fds[1].revents || accept_client(listener, &c) < 0)
            continue;
        if (served++ < REQUESTS_MAX) {
            serve(s, &c);
        } else {
            send_line(&c, WIRE_ERR, "ERROR: ", "this script has asked too often");
            send_exit(&c, EXIT_REFUSED);
        }
        (void)close(c.fd);
    }
}

static int serve_socket(void *ctx, int stop_fd)
{
    struct server s = *(const struct server *)ctx;
    auto_free char *folder = deploy_way_folder(s.host);
    auto_err e = ERR_INIT;

    s.stop_fd = stop_fd;
    auto_close int listener = listen_here(folder, &e);
    if (listener < 0) {
        log_warning(&s.in->log, "deploy-master: %s; this job cannot deploy", err_text(&e));
        return 1;
    }
    serve_all(&s, listener);
    (void)unlink(WIRE_SOCKET);
    return 0;
}

/* One client, in a process of its own, whose way to it is that to its parent. */
static int serve_relayed(void *ctx, int stop_fd)
{
    struct client c = { .fd = stop_fd, .stop_fd = -1 };

    be_patient(&c);
    serve(ctx, &c);
    return 0;
}

static int serve_relay(void *ctx, int stop_fd)
{
    struct server *s = ctx;
    auto_engine *engine = NULL;
    auto_err e = ERR_INIT;

    if (engine_again(s->engine, &engine, &e) == 0) {
        const struct deploy_relay relay = { engine, s->container, serve_relayed, s, REQUESTS_MAX, STOP_MS };
        if (deploy_relay_run(&relay, stop_fd, &e) == 0)
            return 0;
    }
    log_warning(&s->in->log, "deploy-master: its relay in the job's container: %s; this script cannot deploy any more, and "
                "what was not yet switched over is undone", err_text(&e));
    return 1;
}

void deploy_server_start(const struct host *h, const struct invocation *in, struct engine *engine,
                         const char *container, struct process *p)
{
    struct server s = { .host = h, .in = in, .engine = engine, .container = container };
    enum deploy_way way = deploy_way(h, in);
    auto_err e = ERR_INIT;

    if (way != DEPLOY_SOCKET && way != DEPLOY_RELAY)
        return;
    if (process_fork(way == DEPLOY_SOCKET ? serve_socket : serve_relay, &s, p, &e) < 0)
        log_warning(&in->log, "deploy-master: %s; this job cannot deploy", err_text(&e));
}

void deploy_server_tell(struct process *p)
{
    process_tell(p);
}

void deploy_server_stop(struct process *p)
{
    process_stop(p, STOP_MS);
}
