#include "executor/verdict.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/number.h"
#include "engine/container.h"
#include "engine/event.h"

#include <poll.h>
#include <signal.h>

/* How long a container may still seem to run after its processes were killed; and how long when it is known that they were.
 * Looks and not a time: a machine that stood still has let that pass. */
#define SETTLE_LOOKS 40
#define GONE_LOOKS   200
#define SETTLE_MS    50

/* The daemon may hear of the kernel's deed a moment after the process's end. It is asked more than once for the same reason. */
#define NEWS_TIMES 2
#define NEWS_MS    1500

#define KILLED (128 + SIGKILL)

/* The event and not State.OOMKilled, which is for a container at its end: while it lives
 * that is not set (20.10), or stays from an earlier script (later ones). */
static bool is_out_of_memory(const struct ending *x, int code)
{
    bool killed = code == KILLED, happened = false;

    for (int i = killed ? NEWS_TIMES : 1; i > 0 && !happened; i--) {
        int64_t until = clock_epoch_ms() + (killed ? NEWS_MS : 0);
        if (event_happened(x->engine, x->container, "oom", x->began_ms, until, &happened, NULL) < 0)
            return false;
    }
    return happened;
}

static void say_out_of_memory(const struct ending *x)
{
    auto_json *now = NULL;
    char size[32];
    int64_t limit = 0;

    if (container_inspect(x->engine, x->container, &now, NULL) == 0)
        limit = json_number(json_object_get(now, "HostConfig"), "Memory", 0);
    if (limit > 0)
        log_error(x->log,
                  "out of memory: the kernel killed a process of the job (limit %s; the host's owner sets it: "
                  "kinds: %s: memory)", size_format(limit, size, sizeof(size)), x->kind);
    else
        log_error(x->log,
                  "out of memory: the kernel killed a process of the job (its container has no limit: the host's own "
                  "memory is used up)");
}

/* Whether the container itself is at its end; then `why` says how. */
static bool is_container_ended(const struct ending *x, bool *oom, struct err *why)
{
    auto_json *now = NULL;

    if (container_inspect(x->engine, x->container, &now, why) < 0) {
        if (why->kind != ERR_NOT_FOUND)
            return false;
        (void)err_set(why, ERR_SYSTEM, 0, "the job's %s container was removed from outside while its script ran",
                      x->role);
        return true;
    }
    if (json_is_true(json_at(now, "State", "Running", NULL)))
        return false;
    *oom |= json_is_true(json_at(now, "State", "OOMKilled", NULL));
    (void)err_set(why, ERR_SYSTEM, 0, "the job's %s container was stopped from outside while its script ran (a restart of the "
                  "daemon does that too)", x->role);
    return true;
}

/* The daemon tells of the process's death a moment before the container's. */
static bool container_ended(const struct ending *x, bool *oom, struct err *why)
{
    for (int i = x->answered ? 0 : x->gone ? GONE_LOOKS : SETTLE_LOOKS; i > 0; i--) {
        if (is_container_ended(x, oom, why))
            return true;
        (void)poll(NULL, 0, SETTLE_MS);
    }
    return false;
}

int verdict(const struct ending *x, int rc, int *code, struct err *e)
{
    auto_err why = ERR_INIT;

    if (rc == 0 && *code == 0)
        return 0;
    bool oom = is_out_of_memory(x, rc < 0 ? KILLED : *code);
    bool ended = (rc < 0 || (*code == KILLED && !oom)) && container_ended(x, &oom, &why);
    if (oom && (rc == 0 || ended)) {
        say_out_of_memory(x);
        *code = rc < 0 ? KILLED : *code;
        err_release(e);
        return 0;
    }
    return ended ? err_move(e, &why) : rc;
}
