/* executor/job_containers.h: makes a plan true: folders, volumes, the job's network and its containers.
 *
 * All that can be is done side by side. What goes wrong half-way stays: it bears the job's label, by which cleanup
 * finds it. */
#ifndef EXECUTOR_JOB_CONTAINERS_H
#define EXECUTOR_JOB_CONTAINERS_H

#include "engine/engine.h"
#include "executor/host.h"
#include "stages/plan.h"

struct job_containers {
    const struct invocation *in; /* all of these are borrowed */
    const struct host *host;
    struct engine *engine;
    struct plan *plan;           /* changed where the daemon wants it otherwise */
    bool mounts_sources;         /* the project's folder is an overlay */
    char *const *stand_by;       /* the ids of the job's own two containers, which run already in a network that is there
                                  * (executor/standby.h); NULL: all is to be made */
    bool may_be_late;            /* whether the build container's start may go on later (executor/late_start.h) */
    struct strvec ids;           /* of all containers, in the plan's order */
};

/* Make what the plan names. */
int job_containers_make(struct job_containers *x, struct err *e);
/* Start the containers: the build container perhaps later, then its image's faults show when it is needed. ERR_JOB: an
 * image that cannot run what it is to run. */
int job_containers_start(struct job_containers *x, struct err *e);
/* One of the job's own two, when they are made; borrowed. */
const char *job_containers_id(const struct job_containers *x, enum plan_role role);
void job_containers_release(struct job_containers *x);

#endif
