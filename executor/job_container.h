/* executor/job_container.h: finds one of the two containers that prepare made for a job. */
#ifndef EXECUTOR_JOB_CONTAINER_H
#define EXECUTOR_JOB_CONTAINER_H

#include "engine/engine.h"
#include "stages/place.h"

/* By its labels, running or not: the daemon's row of it (Id, Image, State, Labels), a new reference. Where the one that
 * the other one shares the network of has ended, that other one is stopped, too; asked for it, the first runs again. */
int job_container(struct engine *d, const struct place *place, const char *role, json_t **out, struct err *e);

#endif
