#include "executor/halt.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "engine/container.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>

/* One that is paused ends only when the daemon lets it go on. */
#define END_MS     ((int64_t)2000)
#define CGROUP_MAX ((size_t)64 << 10)
#define ID_LEN     64

bool halt_is_of(const char *cgroup, const char *id)
{
    return strlen(id) == ID_LEN && strstr(cgroup, id);
}

/* The daemon's number of a process may be of another machine or namespace. A descriptor is opened first: what is read
 * then is of that very process, or of none. */
static int open_process(int64_t pid, const char *id)
{
    auto_free char *path = xasprintf("/proc/%lld/cgroup", (long long)pid);
    auto_free char *text = NULL;
    auto_close int fd = pid > 1 ? (int)syscall(SYS_pidfd_open, (pid_t)pid, 0) : -1;

    if (fd < 0 || file_read(path, CGROUP_MAX, &text, NULL, NULL) < 0 || !halt_is_of(text, id))
        return -1;
    return take_fd(&fd);
}

/* Process 1 of a namespace is gone when all others are. False: it is not ours to end. */
static bool kill_process(int fd)
{
    struct pollfd ended = { .fd = fd, .events = POLLIN };
    int64_t end = clock_ms() + END_MS;

    if (syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0) < 0 && errno != ESRCH)
        return false;
    for (int64_t left = END_MS; left > 0; left = end - clock_ms())
        if (poll(&ended, 1, (int)left) > 0)
            return true;
    return false;
}

/* Those of its processes that share the host's process namespace are not below its first one. */
static bool has_own_processes(const json_t *container)
{
    const char *mode = json_text(json_object_get(container, "HostConfig"), "PidMode");

    return !*mode || strcmp(mode, "private") == 0;
}

static int halt(struct engine *d, const char *id, struct err *e)
{
    auto_json *container = NULL;
    auto_err gone = ERR_INIT;

    if (engine_is_local(d) && container_inspect(d, id, &container, &gone) == 0) {
        int64_t pid = json_number(json_object_get(container, "State"), "Pid", 0);
        auto_close int fd = has_own_processes(container) ? open_process(pid, id) : -1;
        if (fd >= 0 && kill_process(fd))
            return 0;
    }
    return gone.kind == ERR_NOT_FOUND ? 0 : container_kill(d, id, NULL, e);
}

int halt_all(struct engine *d, const json_t *containers, struct err *e)
{
    static const char *const at_rest[] = { "exited", "created", "dead", "removing", NULL };
    size_t i;
    json_t *one;

    json_array_foreach(containers, i, one) {
        if (!text_is_any(json_text(one, "State"), at_rest) && halt(d, json_text(one, "Id"), e) < 0)
            return -1;
    }
    return 0;
}
