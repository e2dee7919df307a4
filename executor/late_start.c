#include "executor/late_start.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/process.h"
#include "engine/container.h"
#include "executor/direct.h"
#include "executor/direct_way.h"
#include "executor/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* A start that hangs so long is given up. */
#define START_S 300
#define LOOK_MS 2

struct start {
    const struct invocation *in;
    const struct host *host;
    const char *id;
};

static char *lock_path(const struct host *h)
{
    auto_free char *folder = direct_way_folder(h, "build");

    return xasprintf("%s.starting", folder);
}

/* Until its first process listens. */
static int start(const struct start *s)
{
    auto_engine *engine = NULL;
    auto_free char *folder = direct_way_folder(s->host, "build");
    struct direct d = DIRECT_INIT;

    if (host_connect(s->host, s->in, &engine, NULL) < 0 || container_start(engine, s->id, NULL) < 0)
        return -1;
    int rc = direct_wait(folder, &d) ? 0 : -1;
    direct_close(&d);
    return rc;
}

/* The lock goes with the process. */
static int run_start(void *ctx, int lock_fd)
{
    struct start s = *(struct start *)ctx;
    struct invocation alone = *s.in; /* nobody interrupts it */
    struct trace trace = { 0 };

    (void)lock_fd;
    (void)alarm(START_S);
    alone.interrupt_fd = -1;
    alone.trace = NULL;
    s.in = &alone;
    trace_begin(&trace);
    trace_of(&trace, &s.host->config, s.host->name);
    int rc = start(&s);
    trace_end(&trace, "start", "build container", rc < 0 ? 2 : 0);
    return rc < 0;
}

int late_start_begin(const struct host *h, const struct invocation *in, const char *id, struct err *e)
{
    auto_free char *path = lock_path(h);
    auto_close int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    struct start s = { in, h, id };

    if (fd < 0)
        return err_set(e, ERR_SYSTEM, errno, "open '%s': %s", path, strerror(errno));
    if (flock(fd, LOCK_EX | LOCK_NB) == 0 && process_detach(run_start, &s, fd, e) == 0)
        return 0;
    int number = errno;
    (void)unlink(path); /* nobody is to wait for it */
    return err_text(e)[0] ? -1 : err_set(e, ERR_SYSTEM, number, "lock '%s': %s", path, strerror(number));
}

static bool is_held(int fd)
{
    return flock(fd, LOCK_SH | LOCK_NB) < 0 && (errno == EWOULDBLOCK || errno == EINTR);
}

bool late_start_wait(const struct host *h, const struct invocation *in, int64_t wait_ms)
{
    auto_free char *path = lock_path(h);
    auto_close int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    struct pollfd told = { .fd = in->interrupt_fd, .events = POLLIN };

    if (fd < 0)
        return false;
    for (int64_t end = clock_ms() + wait_ms; is_held(fd) && clock_ms() < end;)
        if (poll(&told, 1, LOOK_MS) > 0)
            break;
    return true;
}
