/* executor/job_container.h: finds one of the two containers that prepare made for a job. */
#ifndef EXECUTOR_JOB_CONTAINER_H
#define EXECUTOR_JOB_CONTAINER_H

#include "engine/engine.h"
#include "stages/place.h"

/* By its labels, running or not: the daemon's row of it (Id, State, Labels), a new reference. Where the build container
 * has ended, a helper that shared its network is stopped, too; asked for that one, the build container runs again. */
int job_container(struct engine *d, const struct place *place, const char *role, json_t **out, struct err *e);

#endif
