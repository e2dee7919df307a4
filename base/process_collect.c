/* base/process_collect.c: a process from its start to its end, and what it said. */
#include "base/process.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/number.h"
#include "base/text.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

/* One stream being read. What does not fit is dropped, and `full` says so. */
struct reader {
    int *fd; /* -1 once it has ended */
    struct strbuf *into;
    bool full;
};

/* Read what is there now: at most 1 MiB, more than a pipe holds, so that somebody
 * who never stops writing cannot keep us here. */
static void reader_fill(struct reader *r)
{
    char chunk[16384];
    for (int i = 0; i < 64 && *r->fd >= 0; i++) {
        ssize_t n = read(*r->fd, chunk, sizeof(chunk));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) {
            cleanup_close(r->fd);
            *r->fd = -1;
            return;
        }
        size_t room = r->into->max - r->into->len;
        size_t kept = (size_t)n > room ? room : (size_t)n;
        r->full |= kept < (size_t)n;
        strbuf_putn(r->into, chunk, kept);
    }
}

/* Why not to wait any longer, once the deadline or a stop has come. */
static int check_limits(const struct process_limits *limits, int64_t end, bool stopped, struct err *e)
{
    char limit[32];
    if (stopped)
        return err_set(e, ERR_CANCELLED, 0, "told to stop");
    if (limits->timeout_ms >= 0 && clock_ms() >= end)
        return err_set(e, ERR_SYSTEM, ETIMEDOUT, "took longer than %s",
                       duration_format(limits->timeout_ms, limit, sizeof(limit)));
    return 0;
}

static int poll_timeout(const struct process_limits *limits, int64_t end)
{
    int64_t left = limits->timeout_ms < 0 ? -1 : end - clock_ms();
    return limits->timeout_ms < 0 ? -1 : left <= 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

/* Read both streams together until the process has ended. Not until they are
 * closed: something that it left behind may hold them open for ever. */
static int read_all(const struct process *p, const struct process_limits *limits, struct reader *out,
                    struct reader *err, struct err *e)
{
    int64_t end = clock_ms() + limits->timeout_ms;
    struct pollfd fds[] = {
        { .fd = p->pidfd, .events = POLLIN },
        { .fd = *out->fd, .events = POLLIN },
        { .fd = *err->fd, .events = POLLIN },
        { .fd = limits->stop_fd, .events = POLLIN },
    };
    while (!(fds[0].revents & POLLIN)) {
        fds[1].fd = *out->fd;
        fds[2].fd = *err->fd;
        if (poll(fds, ARRAY_SIZE(fds), poll_timeout(limits, end)) < 0 && errno != EINTR)
            return err_set(e, ERR_SYSTEM, errno, "read its output: %s", strerror(errno));
        reader_fill(out);
        reader_fill(err);
        if (out->full) /* it may never end by itself */
            return err_set(e, ERR_SYSTEM, EFBIG, "wrote more than %zu bytes", out->into->max);
        if (!(fds[0].revents & POLLIN) && check_limits(limits, end, fds[3].revents & POLLIN, e) < 0)
            return -1;
    }
    return 0;
}

/* What it said about its failure: the first line that is not empty. */
static char *first_line(const struct strbuf *b)
{
    const char *line = strbuf_text(b);
    line += strspn(line, "\r\n");
    auto_free char *one = xstrndup(line, strcspn(line, "\r\n"));
    return text_quote(one);
}

int process_collect(const struct process_spec *spec, const struct process_limits *limits, struct strbuf *out,
                    struct err *e)
{
    struct process_spec collected = *spec;
    collected.out = PROCESS_PIPE;
    auto_process p = PROCESS_INIT;
    if (process_start(&collected, &p, e) < 0)
        return -1;

    const char *name = spec->argv[0];
    auto_strbuf complaint = STRBUF_INIT(4096);
    struct reader readers[] = { { &p.out, out, false }, { &p.err, &complaint, false } };
    int status = 0;
    if (read_all(&p, limits, &readers[0], &readers[1], e) < 0 || process_wait(&p, -1, &status, e) < 0)
        return err_wrap(e, "'%s'", name);

    int code = process_exit_code(status);
    if (code == 0)
        return 0;
    auto_free char *why = first_line(&complaint);
    return err_set(e, ERR_SYSTEM, code, "'%s' ended with %d%s%s", name, code, *why ? ": " : "", why);
}

int process_capture(const char *const *argv, const char *dir, char *const *env, struct strbuf *out,
                    struct err *e)
{
    static const struct process_limits none = { .timeout_ms = -1, .stop_fd = -1 };
    const struct process_spec spec = { .argv = argv, .dir = dir, .env = env, .in = PROCESS_NULL,
                                       .err = PROCESS_PIPE };
    return process_collect(&spec, &none, out, e);
}
