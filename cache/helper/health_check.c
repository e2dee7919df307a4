/* cache/helper/health_check.c: `health-check`: waits until TCP ports accept (contract 3.9). */
#include "base/file.h"
#include "base/text.h"
#include "cache/helper/helper.h"

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define DIAL_MS  1000
#define PAUSE_MS 1000

struct options {
    struct strvec ports;
};

static const struct flag flags[] = {
    { "port", NULL, NULL, FLAG_LIST, offsetof(struct options, ports), "a port of this host; all of them must accept" },
    { "p", NULL, NULL, FLAG_LIST, offsetof(struct options, ports), "the same" },
    { NULL, NULL, NULL, FLAG_TEXT, 0, NULL },
};

/* What is asked for: by the options all ports of this host, by the environment any of a service's. */
struct target {
    const char *host;
    struct strvec ports;
    bool all;
};

static void add_from_env(const char *entry, struct target *t)
{
    const char *equals = strchr(entry, '=');
    auto_free char *name = xstrndup(entry, strcspn(entry, "="));

    if (!equals || strchr(equals + 1, '='))
        return;
    if (text_ends(name, "_TCP_ADDR"))
        t->host = equals + 1;
    else if (text_ends(name, "_TCP_PORT"))
        strvec_push(&t->ports, equals + 1);
}

static void say(const char *text)
{
    (void)fd_write(STDOUT_FILENO, text, strlen(text), NULL);
}

static bool connects(const struct addrinfo *a)
{
    auto_close int fd = socket(a->ai_family, a->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, a->ai_protocol);
    int problem = 0;
    socklen_t size = sizeof(problem);
    struct pollfd wait = { .fd = fd, .events = POLLOUT };

    if (fd < 0)
        return false;
    if (connect(fd, a->ai_addr, a->ai_addrlen) == 0)
        return true;
    return poll(&wait, 1, DIAL_MS) > 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &problem, &size) == 0 && problem == 0;
}

static bool dial(const char *host, const char *port)
{
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
    struct addrinfo *list = NULL;
    auto_free char *line = xasprintf("dialing %s:%s...\n", host, port);
    bool ok = false;

    say(line);
    if (getaddrinfo(host, port, &hints, &list) != 0)
        return false;
    for (const struct addrinfo *a = list; a && !ok; a = a->ai_next)
        ok = connects(a);
    freeaddrinfo(list);
    if (ok) {
        auto_free char *done = xasprintf("dial succeeded on %s:%s. Exiting...\n", host, port);
        say(done);
    }
    return ok;
}

static bool is_up(const struct target *t)
{
    size_t n = 0;

    for (size_t i = 0; i < t->ports.n; i++) {
        n += dial(t->host, t->ports.items[i]);
        if (n > 0 && !t->all)
            return true;
    }
    return n == t->ports.n;
}

static int wait_for(const struct helper *h, const struct target *t, struct err *e)
{
    auto_free char *ports = strvec_join(&t->ports, " ");
    auto_free char *line = xasprintf("waiting for TCP connection to %s on [%s]...\n", t->host, ports);

    say(line);
    while (!is_up(t)) {
        struct pollfd stop = { .fd = h->interrupt_fd, .events = POLLIN };
        if (poll(&stop, 1, PAUSE_MS) > 0)
            return err_set(e, ERR_CANCELLED, 0, "told to stop before anything answered");
    }
    return 0;
}

static int run(const struct helper *h, void *options, struct err *e)
{
    const struct options *o = options;
    struct target t = { .host = NULL, .ports = STRVEC_INIT, .all = o->ports.n > 0 };

    strvec_push_all(&t.ports, &o->ports);
    if (t.all)
        t.host = "localhost";
    for (char *const *entry = h->env; !t.all && *entry; entry++)
        add_from_env(*entry, &t);
    int rc = t.host && t.ports.n > 0 ? wait_for(h, &t, e) : err_set(e, ERR_USAGE, 0, "No HOST or PORT found");
    strvec_release(&t.ports);
    return rc;
}

const struct helper_command health_check = { "health-check", "Wait until ports of a service accept", flags,
                                             sizeof(struct options), run };
