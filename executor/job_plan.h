/* executor/job_plan.h: the plan of a job on this host: what stages/ says of the job, and what each way into its
 * containers and to its sources adds. */
#ifndef EXECUTOR_JOB_PLAN_H
#define EXECUTOR_JOB_PLAN_H

#include "executor/host.h"
#include "stages/plan.h"

/* Complete but for what only its images say. The names in it follow from host->place. *mounts_sources: the project's
 * folder is an overlay (executor/sources_mount.h). The caller's to release, also after an error. */
int job_plan(const struct host *h, const struct invocation *in, struct plan *out, bool *mounts_sources, struct err *e);

/* Add what the image of the job's own container says; `image` is the daemon's description of it. */
void job_plan_add_image(const struct host *h, struct plan *plan, const json_t *image);

#endif
