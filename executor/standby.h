/* executor/standby.h: a job's own two containers, made and started before it is known (`standby: 1`).
 *
 * Starting them is most of what a job waits for. So when a job has ended, a fresh pair is started, with a network, for
 * the next job of its slot: what a job like the last one would have been given. Nothing was run in them, and nobody was
 * told anything: their first processes wait for a script, and no variable of a job is in their configuration. They have
 * the build folder mounted that the next job of that project would have there; another project's never gets them.
 *
 * The next job takes them when its own plan, with the names in it exchanged, is theirs to the last detail, its images and
 * folders are the ones that they were made with, and both answer; else they go. Each pair is for one job at most. That
 * job's things then bear the key under which they were made (place.key), and what they bear and are called is looked up
 * by the job's own (executor/standby_record.h). */
#ifndef EXECUTOR_STANDBY_H
#define EXECUTOR_STANDBY_H

#include "engine/engine.h"
#include "executor/host.h"
#include "stages/plan.h"

/* What a job is about to be given. */
struct standby_job {
    const struct invocation *in;
    struct host *host;     /* place.key changes, and changes back */
    struct engine *engine;
    struct plan *plan;     /* complete but for its services' images; made anew */
    const json_t *image, *helper_image; /* as the daemon describes them; borrowed */
};

/* Take the pair that waits for a job of this slot: 1, with the containers' ids, the caller's, and a plan that names what
 * is there. 0: there is none, or none that fits; that one is removed. An error leaves the plan as it was. */
int standby_take(struct standby_job *j, char *ids[PLAN_ROLES], struct err *e);

/* An earlier try of the job had a pair, and that is removed: the job is planned by its own name again. */
int standby_leave(struct standby_job *j, struct err *e);

/* All that the job had is removed: if it had a pair, that is no more. */
void standby_forget(const struct host *h);

/* The job has ended, and all that was its own is removed: let a pair wait for the next one, unless there is one, or the
 * configuration wants none. Takes as long as that takes; what goes wrong is written down for `atelier doctor`. */
void standby_renew(const struct invocation *in, struct host *h, struct engine *d);

#endif
