#include "stages/deploy/client/relay.h"

#include "stages/deploy/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

/* What may wait in each direction: whoever says more has to wait. */
#define WAITING_MAX ((size_t)1 << 16)

enum { HOST_IN, HOST_OUT, CLIENTS, CLIENT, POLLED };

struct relay {
    int listener;
    int client;       /* -1: nobody has connected */
    bool client_done; /* it says no more */
    bool client_lost; /* nor does it listen */
    bool failed;
    struct strbuf to_host, to_client;
    struct relay_reader in; /* open until the host has said all to this client */
};

static void put(struct relay *r, enum relay_kind kind, const char *data, size_t len)
{
    relay_put(&r->to_host, kind, data, len);
}

/* ---- The client's side ---- */

static void accept_client(struct relay *r)
{
    r->client = accept4(r->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (r->client < 0)
        return;
    r->client_done = r->client_lost = false;
    r->in.open = true;
    put(r, RELAY_OPEN, "", 0);
}

static void client_is_done(struct relay *r)
{
    if (!r->client_done)
        put(r, RELAY_CLOSE, "", 0);
    r->client_done = true;
}

static void lose_client(struct relay *r)
{
    r->client_lost = true;
    strbuf_clear(&r->to_client);
    client_is_done(r);
}

static bool must_wait(void)
{
    return errno == EAGAIN || errno == EINTR;
}

static void hear_client(struct relay *r)
{
    char data[RELAY_DATA_MAX];
    ssize_t n = recv(r->client, data, sizeof(data), 0);

    if (n > 0)
        put(r, RELAY_DATA, data, (size_t)n);
    else if (n == 0)
        client_is_done(r);
    else if (!must_wait())
        lose_client(r);
}

static void tell_client(struct relay *r)
{
    ssize_t n = send(r->client, r->to_client.data, r->to_client.len, MSG_NOSIGNAL);

    if (n >= 0)
        strbuf_drop(&r->to_client, (size_t)n);
    else if (!must_wait())
        lose_client(r);
}

/* When the host has said all, and the client has heard it, it is the next one's turn. */
static void close_client(struct relay *r)
{
    if (r->client < 0 || r->in.open || r->to_client.len > 0)
        return;
    client_is_done(r);
    (void)close(r->client);
    r->client = -1;
}

/* ---- The host's side ---- */

static int take_frame(void *ctx, enum relay_kind kind, const char *data, size_t len)
{
    struct relay *r = ctx;

    if (kind == RELAY_OPEN)
        return -1;
    if (!r->client_lost)
        strbuf_putn(&r->to_client, data, len);
    return 0;
}

/* -1 at its end. */
static int hear_host(struct relay *r)
{
    char data[RELAY_DATA_MAX];
    const char *why = NULL;
    ssize_t n = read(STDIN_FILENO, data, sizeof(data));

    if (n < 0)
        return must_wait() ? 0 : -1;
    if (n > 0 && relay_read(&r->in, data, (size_t)n, take_frame, r, &why) < 0) {
        (void)fprintf(stderr, "what comes from the host is not its own (%s)\n", why ? why : "no client may come from there");
        r->failed = true;
    }
    return n == 0 || r->failed ? -1 : 0;
}

static int tell_host(struct relay *r)
{
    ssize_t n = write(STDOUT_FILENO, r->to_host.data, r->to_host.len);

    if (n < 0)
        return must_wait() ? 0 : -1;
    strbuf_drop(&r->to_host, (size_t)n);
    return 0;
}

/* ---- Both ---- */

static void watch(const struct relay *r, struct pollfd fds[POLLED])
{
    bool hears = r->client >= 0 && !r->client_done && r->to_host.len < WAITING_MAX;

    fds[HOST_IN] = (struct pollfd){ .fd = STDIN_FILENO, .events = r->to_client.len < WAITING_MAX ? POLLIN : 0 };
    fds[HOST_OUT] = (struct pollfd){ .fd = r->to_host.len > 0 ? STDOUT_FILENO : -1, .events = POLLOUT };
    fds[CLIENTS] = (struct pollfd){ .fd = r->client < 0 ? r->listener : -1, .events = POLLIN };
    /* One that has hung up is ready all the time: it is looked at when there is something to do. */
    fds[CLIENT] = (struct pollfd){ .fd = hears || r->to_client.len > 0 ? r->client : -1,
                                   .events = (short)((hears ? POLLIN : 0) | (r->to_client.len > 0 ? POLLOUT : 0)) };
}

/* The host is gone while its last words wait for a client that does not listen. */
static bool is_stuck(const struct pollfd fds[POLLED])
{
    return fds[HOST_IN].events == 0 && fds[HOST_IN].revents != 0;
}

static void carry(struct relay *r)
{
    struct pollfd fds[POLLED];

    for (;;) {
        watch(r, fds);
        if (poll(fds, POLLED, -1) < 0 && errno != EINTR)
            return;
        if (is_stuck(fds) || (fds[HOST_IN].revents && hear_host(r) < 0) || (fds[HOST_OUT].revents && tell_host(r) < 0))
            return;
        if (fds[CLIENTS].revents)
            accept_client(r);
        if (fds[CLIENT].revents && !r->client_done && r->to_host.len < WAITING_MAX)
            hear_client(r);
        if (r->client >= 0 && r->to_client.len > 0)
            tell_client(r);
        close_client(r);
    }
}

/* Root's folder, where no user of the job's can put another socket; each may knock. */
static int listen_here(void)
{
    (void)umask(022);
    (void)mkdir(WIRE_PARENT, 0755);
    (void)mkdir(WIRE_FOLDER, 0755);
    int fd = wire_listen(WIRE_FOLDER "/", SOCK_NONBLOCK);
    if (fd < 0)
        (void)fprintf(stderr, "listen on " WIRE_FOLDER "/" WIRE_SOCKET ": %s\n", strerror(errno));
    return fd;
}

int relay_run(void)
{
    struct relay r = { .client = -1,
                       .to_host = STRBUF_INIT(4 * WAITING_MAX),
                       .to_client = STRBUF_INIT(4 * WAITING_MAX),
                       .in = RELAY_READER_INIT };

    (void)signal(SIGPIPE, SIG_IGN);
    (void)fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
    (void)fcntl(STDOUT_FILENO, F_SETFL, O_NONBLOCK);
    r.listener = listen_here();
    if (r.listener < 0)
        return 1;
    carry(&r);
    (void)unlink(WIRE_FOLDER "/" WIRE_SOCKET);
    return r.failed ? 1 : 0;
}
