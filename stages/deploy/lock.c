#include "stages/deploy/lock.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/number.h"
#include "base/text.h"
#include "engine/container.h"
#include "engine/volume.h"
#include "stages/deploy/labels.h"
#include "stages/deploy/pause.h"

#include <poll.h>
#include <string.h>
#include <sys/random.h>

#define LEASE_MS   30000
#define RENEW_MS   5000
#define LOOK_MS    500
#define STOP_MS    5000
#define MS_PER_SECOND 1000

/* ---- Who holds it ---- */

static char *word_of(const char *path, int which)
{
    auto_free char *text = NULL;

    if (file_read(path, (size_t)4096, &text, NULL, NULL) < 0)
        return xstrdup("?");
    const char *from = strrchr(text, ')'); /* /proc/PID/stat: a process's name may hold anything */
    from = from ? from + 1 : text;
    for (; which > 0; which--) {
        from += strspn(from, " \n");
        from += strcspn(from, " \n");
    }
    from += strspn(from, " \n");
    return xstrndup(from, strcspn(from, " \n"));
}

#define STAT_STARTED 19 /* words behind the name: when it was started (proc(5), field 22) */

static char *holder_text(const char *process)
{
    char space[64] = "?";
    auto_free char *path = xasprintf("/proc/%s/stat", process);
    auto_free char *boot = word_of("/proc/sys/kernel/random/boot_id", 0);
    auto_free char *started = word_of(path, STAT_STARTED);

    ssize_t n = readlink("/proc/self/ns/pid", space, sizeof(space) - 1);
    if (n > 0)
        space[n] = '\0';
    return xasprintf("%s/%s/%s/%s", boot, space, process, started);
}

/* This process in words that no other one has, on this host and until it ends. The caller's. */
static char *lock_holder(void)
{
    auto_free char *process = xasprintf("%d", (int)getpid());

    return holder_text(process);
}

/* Whether a process that called itself so was on this host and has ended. */
static bool lock_holder_ended(const char *holder)
{
    auto_free char *own = lock_holder();
    const char *slash = strchr(own, '/');
    size_t here = slash ? (size_t)(strchr(slash + 1, '/') - own + 1) : 0;

    if (here == 0 || own[0] == '?' || strncmp(own, holder, here) != 0)
        return false;
    auto_free char *process = xstrndup(holder + here, strcspn(holder + here, "/"));
    if (strspn(process, "0123456789") != strlen(process))
        return false;
    auto_free char *now = holder_text(process);
    return strcmp(now, holder) != 0;
}

/* ---- The lease ---- */

static char *lease_name(const char *unit, const char *token, int64_t number)
{
    return xasprintf("atelier-lease-%s-%s-%lld", unit, token, (long long)number);
}

/* The new one is made before the old one goes, so that there always is one. */
static int renew(struct engine *d, const char *unit, const char *token, int64_t number, struct err *e)
{
    auto_free char *name = lease_name(unit, token, number);
    auto_free char *before = lease_name(unit, token, number - 1);
    auto_json *labels = json_pack("{s:s, s:s, s:s}", LABEL_UNIT, unit, LABEL_DUTY, DUTY_LEASE, LABEL_TOKEN, token);

    if (volume_create(d, name, labels, e) < 0)
        return -1;
    return volume_remove(d, before, e);
}

/* In a process of its own: a call of the deploy's may take longer than a lease. One that fails is tried again. */
static int keep_renewing(void *ctx, int stop_fd)
{
    const struct lock *l = ctx;
    struct pollfd stop = { .fd = stop_fd, .events = POLLIN };
    auto_engine *own = NULL;
    auto_err ignored = ERR_INIT;
    int64_t number = 1;

    for (; poll(&stop, 1, RENEW_MS) == 0; number++)
        if (own || engine_again(l->engine, &own, &ignored) == 0)
            (void)renew(own, l->unit, l->token, number, &ignored);
    return 0;
}

static void remove_leases(struct engine *d, const char *unit, const char *token)
{
    auto_strvec labels = STRVEC_INIT;
    auto_json *leases = NULL;
    size_t i;
    json_t *one;

    strvec_pushf(&labels, "%s=%s", LABEL_UNIT, unit);
    strvec_push(&labels, LABEL_DUTY "=" DUTY_LEASE);
    strvec_pushf(&labels, "%s=%s", LABEL_TOKEN, token);
    if (volume_list(d, &labels, &leases, NULL) < 0)
        return;
    json_array_foreach(leases, i, one)
        (void)volume_remove(d, json_text(one, "Name"), NULL);
}

/* ---- Another one's lock ---- */

static int64_t newest_lease(const json_t *leases, int64_t newest)
{
    size_t i;
    json_t *one;

    json_array_foreach(leases, i, one) {
        int64_t made = 0;
        if (timestamp_parse(json_text(one, "CreatedAt"), &made) == 0 && made > newest)
            newest = made;
    }
    return newest;
}

/* Whether the holder's last sign of life is older than a lease lasts. */
static int is_stale(struct engine *d, const char *unit, const json_t *lock, bool *stale, struct err *e)
{
    auto_strvec labels = STRVEC_INIT;
    auto_json *leases = NULL, *info = NULL;
    int64_t made = 0, now = 0;
    const json_t *on_it = json_at(lock, "Config", "Labels");

    *stale = lock_holder_ended(json_text(on_it, LABEL_HOLDER));
    if (*stale)
        return 0;
    strvec_pushf(&labels, "%s=%s", LABEL_UNIT, unit);
    strvec_push(&labels, LABEL_DUTY "=" DUTY_LEASE);
    strvec_pushf(&labels, "%s=%s", LABEL_TOKEN, json_text(on_it, LABEL_TOKEN));
    if (volume_list(d, &labels, &leases, e) < 0 || engine_info(d, &info, e) < 0)
        return -1;
    if (timestamp_parse(json_text(lock, "Created"), &made) < 0 || timestamp_parse(json_text(info, "SystemTime"), &now) < 0)
        return 0; /* a daemon that does not tell the time: the wait has its end all the same */
    *stale = (now - newest_lease(leases, made)) * MS_PER_SECOND > LEASE_MS;
    return 0;
}

/* ---- Taking it ---- */

static char *lock_name(const char *unit)
{
    return xasprintf("atelier-lock-%s", unit);
}

static int try_create(const struct deploy_context *c, const char *image, struct lock *l, struct err *e)
{
    auto_free char *name = lock_name(l->unit);
    auto_free char *holder = lock_holder();
    auto_free char *who = xasprintf("%s%s%s", c->who->who ? c->who->who : "somebody", c->who->job_url && *c->who->job_url ? ", " : "",
                                    c->who->job_url ? c->who->job_url : "");
    auto_json *body =
        json_pack("{s:s, s:[s], s:{s:s, s:s, s:s, s:s, s:s}, s:{s:s}}", "Image", image, "Cmd", "/nothing", "Labels",
                  LABEL_UNIT, l->unit, LABEL_DUTY, DUTY_LOCK, LABEL_TOKEN, l->token, LABEL_HOLDER, holder, LABEL_WHO, who,
                  "HostConfig", "NetworkMode", "none");

    return container_create(c->engine, name, NULL, body, &l->container, e);
}

struct waiting {
    const struct deploy_context *context;
    const struct voice *voice;
    int64_t deadline;
    char *shown; /* the lock that was told of */
};

/* Somebody has it: remove it if that one is gone, else wait a little. */
static int look(struct waiting *w, const char *unit, struct err *e)
{
    const struct deploy_context *c = w->context;
    auto_free char *name = lock_name(unit);
    auto_json *lock = NULL;
    auto_err gone = ERR_INIT;
    bool stale = false;

    if (container_inspect(c->engine, name, &lock, &gone) < 0)
        return gone.kind == ERR_NOT_FOUND ? 0 : err_move(e, &gone);
    const char *id = json_text(lock, "Id");
    auto_free char *who = text_quote(json_text(json_at(lock, "Config", "Labels"), LABEL_WHO));
    if (strcmp(json_text(json_at(lock, "Config", "Labels"), LABEL_DUTY), DUTY_LOCK) != 0)
        return err_set(e, ERR_CONFIG, 0, "a container that is no lock has the lock's name on the target; rename it: docker "
                       "rename %s OTHER", name);
    if (is_stale(c->engine, unit, lock, &stale, e) < 0)
        return -1;
    if (stale) {
        voice_warning(w->voice, "The deploy of %s ended before it was done; going on in its place", who);
        remove_leases(c->engine, unit, json_text(json_at(lock, "Config", "Labels"), LABEL_TOKEN));
        return container_remove(c->engine, id, e);
    }
    if (clock_ms() >= w->deadline)
        return err_set(e, ERR_SYSTEM, 0, "%s deploys this environment and did not end in time; try again when that deploy is "
                       "done", who);
    if (!w->shown || strcmp(w->shown, id) != 0)
        voice_info(w->voice, "Waiting: %s deploys this environment", who);
    free(w->shown);
    w->shown = xstrdup(id);
    return pause_ms(c->watch, LOOK_MS, e);
}

static char *random_token(void)
{
    uint64_t dice = (uint64_t)clock_epoch_ms();

    (void)!getrandom(&dice, sizeof(dice), 0);
    return xasprintf("%016llx", (unsigned long long)dice);
}

int lock_take(const struct deploy_context *c, const struct voice *v, const char *image, struct lock *out, struct err *e)
{
    struct waiting w = { c, v, clock_ms() + c->target->lock_wait_ms, NULL };
    int rc = 0;

    *out = (struct lock){ c->engine, NULL, random_token(), xstrdup(c->who->unit), PROCESS_INIT };
    while (rc == 0 && !out->container) {
        auto_err taken = ERR_INIT;
        if (try_create(c, image, out, &taken) == 0)
            break;
        rc = taken.kind == ERR_CONFLICT ? look(&w, out->unit, e) : err_move(e, &taken);
    }
    free(w.shown);
    if (rc == 0)
        rc = process_fork(keep_renewing, out, &out->renewer, e);
    return rc < 0 ? err_wrap(e, "lock the environment") : 0;
}

int lock_check(const struct lock *l, struct err *e)
{
    auto_json *lock = NULL;
    auto_err gone = ERR_INIT;

    if (container_inspect(l->engine, l->container, &lock, &gone) == 0)
        return 0;
    if (gone.kind == ERR_NOT_FOUND)
        return err_set(e, ERR_SYSTEM, 0, "another deploy took this one for dead and went on in its place");
    return err_move(e, &gone);
}

void lock_release(struct lock *l)
{
    process_stop(&l->renewer, STOP_MS);
    if (l->container) {
        remove_leases(l->engine, l->unit, l->token);
        (void)container_remove(l->engine, l->container, NULL);
    }
    free(l->container);
    free(l->token);
    free(l->unit);
    *l = (struct lock)LOCK_INIT;
}
