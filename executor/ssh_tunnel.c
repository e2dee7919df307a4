#include "executor/ssh_tunnel.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>

#define REMOTE_SOCKET "/var/run/docker.sock"
#define OPEN_MS       ((int64_t)60000)
#define LOOK_MS       50
#define END_MS        5000

/* "ssh://user@host:22/path": ssh itself knows this form, without the path. */
static int split(const char *address, char **destination, char **socket, struct err *e)
{
    const char *rest = address + strlen(SSH_SCHEME);
    size_t len = strcspn(rest, "/");

    if (len == 0 || *rest == '-' || strpbrk(rest, " \t\n:") == rest) {
        auto_free char *shown = text_quote(address);
        return err_set(e, ERR_CONFIG, 0, "'%s' is no address: give ssh://[user@]host[:port]", shown);
    }
    *destination = xasprintf(SSH_SCHEME "%.*s", (int)len, rest);
    *socket = xstrdup(rest[len] && rest[len + 1] ? rest + len : REMOTE_SOCKET);
    return 0;
}

static int start(const char *destination, const char *forward, struct process *p, struct err *e)
{
    const char *const argv[] = {
        "ssh", "-nNT", "-o", "BatchMode=yes", "-o", "ExitOnForwardFailure=yes", "-o", "ConnectTimeout=20",
        "-o", "ServerAliveInterval=15", "-o", "ControlPath=none", "-o", "LogLevel=ERROR", "-o",
        "StreamLocalBindMask=0177", "-L", forward, "--", destination, NULL
    };
    /* A signal to our group is not for it: what it carries has to be undone first. */
    const struct process_spec spec = { .argv = argv, .in = PROCESS_NULL, .out = PROCESS_NULL, .err = PROCESS_PIPE,
                                       .new_group = true, .ends_with_us = true };

    if (process_start(&spec, p, e) == 0)
        return 0;
    if (e && e->kind == ERR_NOT_FOUND)
        return err_set(e, ERR_CONFIG, 0, "there is no program `ssh`: install openssh-client");
    return -1;
}

/* The last line of what it said, which is the reason; what comes before are warnings. */
static char *complaint(const struct process *p)
{
    char text[4096];
    ssize_t n = read(p->err, text, sizeof(text) - 1);

    text[n > 0 ? n : 0] = '\0';
    for (size_t len = strlen(text); len > 0 && strchr("\r\n", text[len - 1]); len--)
        text[len - 1] = '\0';
    const char *last = strrchr(text, '\n');
    return text_quote(last ? last + 1 : text);
}

/* The socket is there when ssh is through. */
static int await(struct process *p, const char *path, int stop_fd, struct err *e)
{
    int64_t end = clock_ms() + OPEN_MS;
    struct pollfd fds[] = { { .fd = p->pidfd, .events = POLLIN }, { .fd = stop_fd, .events = POLLIN } };

    for (;;) {
        (void)poll(fds, ARRAY_SIZE(fds), LOOK_MS);
        if (access(path, F_OK) == 0)
            return 0;
        if (fds[1].revents)
            return err_set(e, ERR_CANCELLED, 0, "told to stop");
        if (fds[0].revents) {
            auto_free char *why = complaint(p);
            return err_set(e, ERR_SYSTEM, 0, "%s", *why ? why : "ssh ended and does not say why");
        }
        if (clock_ms() > end)
            return err_set(e, ERR_SYSTEM, ETIMEDOUT, "no connection within %d s", (int)(OPEN_MS / 1000));
    }
}

int ssh_tunnel_open(const char *address, int stop_fd, struct ssh_tunnel *out, struct err *e)
{
    auto_free char *destination = NULL, *remote = NULL, *socket = NULL, *forward = NULL;

    *out = (struct ssh_tunnel)SSH_TUNNEL_INIT;
    if (split(address, &destination, &remote, e) < 0)
        return -1;
    if (dir_temporary("/tmp", "atelier-ssh-", &out->folder, e) < 0)
        return -1;
    socket = xasprintf("%s/docker.sock", out->folder);
    forward = xasprintf("%s:%s", socket, remote);
    if (start(destination, forward, &out->ssh, e) < 0 || await(&out->ssh, socket, stop_fd, e) < 0) {
        ssh_tunnel_close(out);
        return err_wrap(e, "%s", destination);
    }
    out->host = xasprintf("unix://%s", socket);
    return 0;
}

void ssh_tunnel_close(struct ssh_tunnel *t)
{
    int status;

    process_kill(&t->ssh, false, SIGTERM);
    if (t->ssh.pid > 0)
        (void)process_wait(&t->ssh, END_MS, &status, NULL);
    process_release(&t->ssh);
    if (t->folder)
        (void)dir_remove(t->folder, NULL);
    free(t->folder);
    free(t->host);
    *t = (struct ssh_tunnel)SSH_TUNNEL_INIT;
}
