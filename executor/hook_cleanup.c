/* executor/hook_cleanup.c: removes whatever bears the job's label (contract 1.11).
 *
 * Runs after every job and every failed prepare, also while a `run` is still
 * alive: removing the containers ends that one too. */
#include "executor/deploy_way.h"
#include "executor/host.h"
#include "executor/kept.h"
#include "executor/remove.h"
#include "executor/underway.h"

#include <poll.h>
#include <string.h>

/* A prepare that was killed may have left requests with the daemon that are not carried
 * out yet: then this often nothing has to be there, one look after the other. */
#define LATE_LOOKS 6
#define LATE_MS    500
#define ROUNDS     12

/* Remove what is there now; *found counts it. */
static int round_of(struct engine *d, const struct strvec *labels, size_t *found, struct err *e)
{
    *found = 0;
    for (int kind = 0; kind < THING_KINDS; kind++) {
        auto_json *list = NULL;
        if (thing_list(d, (enum thing_kind)kind, labels, &list, e) < 0)
            return -1;
        *found += json_array_size(list);
        if (thing_remove_listed(d, (enum thing_kind)kind, list, e) < 0)
            return -1;
    }
    return 0;
}

/* Until nothing has been there `looks` times in a row. */
static int remove_all(struct engine *d, const struct strvec *labels, int looks, struct err *e)
{
    size_t found = 1;

    for (int i = 0, quiet = 0; i < ROUNDS; i++) {
        err_release(e);
        int rc = round_of(d, labels, &found, e);
        quiet = rc == 0 && found == 0 ? quiet + 1 : 0;
        if (quiet == looks)
            return 0;
        if (looks > 1 || rc < 0) /* a network whose containers are on their way out is in use */
            (void)poll(NULL, 0, LATE_MS);
    }
    return err_text(e)[0] ? -1 : 0;
}

int hook_cleanup(const struct invocation *in, struct err *e)
{
    auto_host h = { 0 };
    auto_err unreadable = ERR_INIT;
    auto_engine *d = NULL;
    auto_strvec labels = STRVEC_INIT;

    /* A configuration that was broken meanwhile must not keep the job's things here:
     * the daemon that the environment names is the likeliest one. */
    if (host_init(in, &h, &unreadable) < 0) {
        log_warning(&in->log, "%s; cleaning up with the defaults", err_text(&unreadable));
        if (job_from_env(in->env, &h.job, e) < 0)
            return -1;
        (void)job_add_response(&h.job, in->env, NULL);
        place_of(&h.job, "", "", &h.place);
    }
    if (host_connect(&h, in, &d, e) < 0)
        return -1;
    if (kept_settle(&h, in, d))
        return 0;
    place_filter(&h.place, &labels);
    if (remove_all(d, &labels, underway_was_killed(in) ? LATE_LOOKS : 1, e) < 0)
        return err_wrap(e, "clean up job %s", h.place.key);
    deploy_way_remove(&h.config, h.place.key);
    return 0;
}
