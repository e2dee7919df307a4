/* executor/hook_cleanup.c: removes whatever bears the job's label (contract 1.11).
 *
 * Runs after every job and every failed prepare, also while a `run` is still
 * alive: ending the containers' processes ends that one too.
 *
 * The runner gives a slot's next job out when this returns, so no process of this
 * one may be there any more, which could write into the slot's build folder. All else
 * bears names of this job alone, or is given back when nothing is in it (executor/idle_network.h), so a process of its own
 * goes on removing it. */
#include "base/process.h"
#include "executor/cleaning.h"
#include "executor/halt.h"
#include "executor/host.h"
#include "executor/idle_network.h"
#include "executor/job_remains.h"
#include "executor/job_sockets.h"
#include "executor/kept.h"
#include "executor/late_start.h"
#include "executor/remove.h"
#include "executor/standby.h"
#include "executor/trace.h"
#include "executor/underway.h"

#include <poll.h>
#include <string.h>

/* A prepare that was killed, or lost the daemon, may have left requests with the daemon that are not carried
 * out yet: then this often nothing has to be there, one look after the other. */
#define LATE_LOOKS 6

/* A runner whose jobs end faster than the daemon can remove them must not pile them up: then hooks wait. */
#define DETACHED_MOST 16
/* What hangs so long is given up, and left to gc. */
#define DETACHED_S 900
/* For whoever only looks whether somebody is at it. */
#define LOOK_MS ((int64_t)200)
/* For a container that is just being started: it would run when all that runs is ended. */
#define START_MS ((int64_t)10000)
/* For another one that removes the same. */
#define OTHER_MS ((int64_t)60000)

/* A job whose things are to go. */
struct cleanup {
    const struct invocation *in;
    struct host *host;
    struct engine *engine;
    struct strvec labels;
    struct cleaning cleaning;
};

static void cleanup_release(struct cleanup *c)
{
    engine_close(c->engine);
    strvec_release(&c->labels);
    cleaning_release(&c->cleaning);
}

/* What earlier jobs have left for later ones, and nobody has taken. Without networks of its own (`atelier pipeline`) it may
 * be another one's to say how many wait. */
static void prune(const struct cleanup *c)
{
    const struct config *config = &c->host->config;
    size_t n;

    if (!config->builds)
        return;
    if (config->idle_networks > 0)
        (void)idle_network_prune(config, c->engine, IDLE_NETWORK_S, &n, NULL); /* gc says it */
    trace_prune(config);
}

static int remove_job(struct cleanup *c, int looks, struct err *e)
{
    int rc = thing_remove_all(c->engine, &c->labels, looks, e);

    if (rc < 0) {
        (void)err_wrap(e, "clean up job %s", c->host->name);
    } else {
        job_remains_remove(&c->host->config, c->host->place.key);
        standby_forget(c->host);
    }
    cleaning_end(&c->cleaning, rc < 0 ? err_text(e) : NULL);
    prune(c);
    return rc;
}

/* For the slot's next job. */
static void stand_by(struct cleanup *c)
{
    struct trace trace = { 0 };

    trace_begin(&trace);
    trace_of(&trace, &c->host->config, c->host->name);
    standby_renew(c->in, c->host, c->engine);
    if (c->host->config.standby > 0)
        trace_end(&trace, "standby", "standby", 0);
}

/* What goes on when the hook has returned. Its parent's connection is its parent's. */
static int run_detached(void *ctx, int lock_fd)
{
    struct cleanup c = *(struct cleanup *)ctx;
    struct trace trace = { 0 };
    auto_err e = ERR_INIT;

    (void)alarm(DETACHED_S);
    trace_begin(&trace);
    trace_of(&trace, &c.host->config, c.host->name);
    c.cleaning.fd = lock_fd;
    int rc = host_connect(c.host, c.in, &c.engine, &e);
    if (rc < 0)
        cleaning_end(&c.cleaning, err_text(&e));
    else
        rc = remove_job(&c, 1, &e);
    trace_end(&trace, "removal", "removal", rc < 0 ? 2 : 0);
    if (rc == 0)
        stand_by(&c);
    return rc < 0;
}

/* The hook has removed all itself; that for the next job goes on alone. */
static int run_standby(void *ctx, int fd)
{
    struct cleanup c = *(struct cleanup *)ctx;

    (void)fd;
    (void)alarm(DETACHED_S);
    if (host_connect(c.host, c.in, &c.engine, NULL) == 0)
        stand_by(&c);
    return 0;
}

static int halt_job(struct cleanup *c, struct err *e)
{
    auto_json *containers = NULL;

    if (thing_list(c->engine, THING_CONTAINER, &c->labels, &containers, e) < 0 ||
        halt_all(c->engine, containers, e) < 0)
        return -1;
    job_sockets_remove(&c->host->config, c->host->place.key);
    trace_step(c->in->trace, "end its processes");
    return 0;
}

/* Whether somebody goes on with it. What stands in the way of that is no reason to fail: then we wait. */
static bool detach(struct cleanup *c)
{
    const struct config *config = &c->host->config;
    auto_err e = ERR_INIT;

    if (config->cleanup_waits || underway_was_cut_short(c->in) || cleaning_are_many(config, DETACHED_MOST))
        return false;
    if (cleaning_begin(&c->cleaning, config, c->host->place.key, LOOK_MS, &e) < 0)
        return e.kind == ERR_CONFLICT && halt_job(c, &e) == 0;
    return halt_job(c, &e) == 0 && process_detach(run_detached, c, c->cleaning.fd, &e) == 0;
}

static int clean_up(struct cleanup *c, struct err *e)
{
    if (kept_settle(c->host, c->in, c->engine))
        return 0;
    (void)late_start_wait(c->host, c->in, START_MS);
    place_filter(&c->host->place, &c->labels);
    if (detach(c))
        return 0;
    /* Whoever is at it already does what we do, and both may. Without a configuration it is not known where they say so. */
    if (c->cleaning.fd < 0 && c->host->config.builds)
        (void)cleaning_begin(&c->cleaning, &c->host->config, c->host->place.key, OTHER_MS, NULL);
    bool killed = underway_was_cut_short(c->in);
    int rc = remove_job(c, killed ? LATE_LOOKS : 1, e);
    if (rc == 0 && !killed && c->host->config.standby > 0)
        (void)process_detach(run_standby, c, -1, NULL);
    return rc;
}

int hook_cleanup(const struct invocation *in, struct err *e)
{
    auto_host h = { 0 };
    auto_err unreadable = ERR_INIT;
    __attribute__((cleanup(cleanup_release))) struct cleanup c = {
        .in = in, .host = &h, .labels = STRVEC_INIT, .cleaning = CLEANING_INIT
    };

    /* A configuration that was broken meanwhile must not keep the job's things here:
     * the daemon that the environment names is the likeliest one. */
    if (host_init(in, &h, &unreadable) < 0) {
        log_warning(&in->log, "%s; cleaning up with the defaults", err_text(&unreadable));
        if (job_from_env(in->env, &h.job, e) < 0)
            return -1;
        (void)job_add_response(&h.job, in->env, NULL);
        place_of(&h.job, "", "", &h.place);
        h.name = xstrdup(h.place.key);
        h.config.cleanup_waits = true; /* nobody knows where to write down that somebody is at it */
    }
    if (host_connect_alone(&h, in, &c.engine, e) < 0)
        return -1;
    trace_step(in->trace, "connect");
    return clean_up(&c, e);
}
