#include "executor/deploy_relay.h"

#include "base/clock.h"
#include "base/text.h"
#include "engine/exec.h"
#include "executor/deploy_way.h"
#include "stages/deploy/relay.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

/* For the relay to end when its stdin has: a job may have stopped it. */
#define END_MS   ((int64_t)5000)
#define CHECK_MS ((int64_t)200)
/* Of what it says in its trouble. */
#define WORDS_MAX ((size_t)300)

/* Our end of the exec. The server of the client that is connected is `server`, and its stop our way to it. */
struct carrier {
    const struct deploy_relay *with;
    int stop_fd;
    int heard; /* epoll: readable when there is something for the relay */
    int wake;  /* epoll: readable when there is something else to do */
    struct process server;
    unsigned served;
    bool client_done; /* it says no more */
    struct relay_reader in;
    struct strbuf to_server, to_relay;
    int64_t deadline; /* clock_ms() of the relay's end; 0: it may go on */
    bool over;        /* its stdin has ended, and it is to */
    struct strbuf words;
    struct err why; /* it was ended by us: what it said */
};

static void carrier_release(struct carrier *c)
{
    process_stop(&c->server, c->with->stop_ms);
    relay_reader_release(&c->in);
    strbuf_release(&c->to_server);
    strbuf_release(&c->to_relay);
    strbuf_release(&c->words);
    err_release(&c->why);
    (void)close(c->heard);
    (void)close(c->wake);
}

static int link_of(const struct carrier *c)
{
    return c->server.stop;
}

static int add_to(int epoll, int fd, unsigned events)
{
    struct epoll_event event = { .events = events };

    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

static void take_from(int epoll, int fd)
{
    (void)epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL); /* fails when it is not there, which is as good */
}

/* ---- A client's server ---- */

static int connect_client(struct carrier *c, struct err *e)
{
    if (link_of(c) >= 0)
        return err_set(e, ERR_JOB, 0, "a client comes before the last one has gone");
    if (c->served++ == c->with->clients_max)
        return err_set(e, ERR_JOB, 0, "this script has asked too often");
    process_stop(&c->server, c->with->stop_ms); /* the last one's, which has closed */
    strbuf_clear(&c->to_server);
    c->client_done = false;
    if (process_fork_linked(c->with->serve, c->with->serve_ctx, &c->server, e) < 0)
        return -1;
    if (add_to(c->heard, link_of(c), EPOLLIN) < 0)
        return err_set(e, ERR_SYSTEM, errno, "watch a client: %s", strerror(errno));
    return 0;
}

static void disconnect(struct carrier *c)
{
    take_from(c->heard, link_of(c));
    take_from(c->wake, link_of(c));
    process_tell(&c->server);
    relay_put(&c->to_relay, RELAY_CLOSE, "", 0);
}

/* What the server does not take yet waits; what it will never take, having closed, is dropped. */
static void tell_server(struct carrier *c)
{
    if (link_of(c) < 0)
        return;

    ssize_t n = send(link_of(c), strbuf_text(&c->to_server), c->to_server.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0)
        strbuf_drop(&c->to_server, (size_t)n);
    else if (n < 0 && errno != EAGAIN && errno != EINTR)
        strbuf_clear(&c->to_server);
    take_from(c->wake, link_of(c)); /* where it would be ready for having hung up */
    if (c->to_server.len > 0)
        (void)add_to(c->wake, link_of(c), EPOLLOUT);
    else if (c->client_done)
        (void)shutdown(link_of(c), SHUT_WR);
}

/* ---- What comes from the relay ---- */

static int take_frame(void *ctx, enum relay_kind kind, const char *data, size_t len)
{
    struct carrier *c = ctx;

    if (kind == RELAY_OPEN)
        return c->deadline ? 0 : connect_client(c, &c->why);
    if (link_of(c) < 0)
        return 0; /* the server was done before */
    /* What does not fit is more than any request, and the server has stopped reading. */
    if (kind == RELAY_DATA)
        (void)!strbuf_add(&c->to_server, data, len);
    else
        c->client_done = true;
    tell_server(c);
    return 0;
}

static void complain(struct carrier *c, const char *data, size_t len, const char *why)
{
    auto_free char *text = xstrndup(data, len < WORDS_MAX ? len : WORDS_MAX);
    auto_free char *shown = text_quote(text);

    (void)err_set(&c->why, ERR_JOB, 0, "what comes from it is not its own (%s): '%s'", why, shown);
}

static int hear(void *ctx, enum stream_kind kind, const char *data, size_t len, struct err *e)
{
    struct carrier *c = ctx;
    const char *why = NULL;

    if (kind != STREAM_STDOUT) {
        (void)!strbuf_add(&c->words, data, len);
        return 0;
    }
    if (relay_read(&c->in, data, len, take_frame, c, &why) == 0)
        return 0;
    if (!c->why.msg)
        complain(c, data, len, why);
    return err_set(e, ERR_JOB, 0, "%s", err_text(&c->why));
}

/* ---- What goes to the relay ---- */

static void hear_server(struct carrier *c)
{
    char data[RELAY_DATA_MAX];
    ssize_t n = recv(link_of(c), data, sizeof(data), MSG_DONTWAIT);

    if (n > 0)
        relay_put(&c->to_relay, RELAY_DATA, data, (size_t)n);
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
        disconnect(c);
}

/* Told to end: whoever is connected seems to have gone. */
static void stop(struct carrier *c)
{
    c->deadline = clock_ms() + END_MS;
    take_from(c->heard, c->stop_fd);
    take_from(c->wake, c->stop_fd);
    c->client_done = true;
    tell_server(c);
}

static void stop_when_told(struct carrier *c)
{
    struct pollfd told = { .fd = c->stop_fd, .events = POLLIN };

    if (!c->deadline && poll(&told, 1, 0) > 0)
        stop(c);
}

static ssize_t give(void *ctx, char *buf, size_t size, struct err *e)
{
    struct carrier *c = ctx;

    (void)e;
    stop_when_told(c);
    if (c->to_relay.len == 0 && link_of(c) >= 0)
        hear_server(c);
    c->over = c->deadline && link_of(c) < 0 && c->to_relay.len == 0;
    if (c->to_relay.len == 0)
        return c->over ? 0 : http_later(c->heard);
    size_t n = c->to_relay.len < size ? c->to_relay.len : size;
    memcpy(buf, c->to_relay.data, n);
    strbuf_drop(&c->to_relay, n);
    return (ssize_t)n;
}

static int tick(void *ctx, int64_t *next_ms, struct err *e)
{
    struct carrier *c = ctx;

    stop_when_told(c);
    tell_server(c);
    *next_ms = c->deadline ? CHECK_MS : -1;
    if (c->deadline && link_of(c) >= 0)
        c->deadline = clock_ms() + END_MS; /* a deploy is undone as long as that takes */
    return c->deadline && clock_ms() > c->deadline ? err_set(e, ERR_CANCELLED, 0, "the relay did not end") : 0;
}

/* ---- The exec ---- */

static int carrier_init(struct carrier *c, struct err *e)
{
    c->heard = epoll_create1(EPOLL_CLOEXEC);
    c->wake = epoll_create1(EPOLL_CLOEXEC);
    if (c->heard < 0 || c->wake < 0 || add_to(c->heard, c->stop_fd, EPOLLIN) < 0 ||
        add_to(c->wake, c->stop_fd, EPOLLIN) < 0)
        return err_set(e, ERR_SYSTEM, errno, "watch the relay: %s", strerror(errno));
    return 0;
}

/* It had no reason to end: its host had not. */
static int explain_end(const struct carrier *c, int code, struct err *e)
{
    auto_free char *said = xstrndup(strbuf_text(&c->words), strcspn(strbuf_text(&c->words), "\n"));
    auto_free char *shown = text_quote(said);

    return err_set(e, ERR_JOB, code, code > 128 ? "it was killed (status %d)%s%s" : "it ended with %d%s%s", code,
                   *shown ? ": " : "", shown);
}

int deploy_relay_run(const struct deploy_relay *with, int stop_fd, struct err *e)
{
    __attribute__((cleanup(carrier_release))) struct carrier c = {
        .with = with, .stop_fd = stop_fd, .heard = -1, .wake = -1, .server = PROCESS_INIT, .in = RELAY_READER_INIT,
        .to_server = STRBUF_INIT(WIRE_REQUEST_MAX + 65536), .to_relay = STRBUF_TEXT, .words = STRBUF_INIT(WORDS_MAX)
    };
    auto_strvec argv = STRVEC_INIT;
    auto_err ended = ERR_INIT;
    int code = 0;

    if (carrier_init(&c, e) < 0)
        return -1;
    strvec_push(&argv, DEPLOY_PROGRAM_AT);
    strvec_push(&argv, RELAY_OPTION);
    const struct engine_watch watch = { tick, &c, c.wake };
    const struct exec_spec spec = { .argv = &argv, .user = "0:0", .dir = "/", .input = give, .input_ctx = &c,
                                    .sink = hear, .sink_ctx = &c, .watch = &watch };
    int rc = exec_run(with->engine, with->container, &spec, &code, &ended);
    if (c.over)
        return 0;
    return rc < 0 ? err_move(e, c.why.msg ? &c.why : &ended) : explain_end(&c, code, e);
}
