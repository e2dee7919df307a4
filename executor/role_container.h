/* executor/role_container.h: finds that one of a job's own two containers which has a role, "build" or "helper", when they
 * are made (executor/job_containers.h). */
#ifndef EXECUTOR_ROLE_CONTAINER_H
#define EXECUTOR_ROLE_CONTAINER_H

#include "engine/engine.h"
#include "stages/place.h"

/* By its labels, running or not: the daemon's row of it (Id, Image, State, Labels), a new reference. When the owner of the
 * network that both have has ended, the follower (stages/plan.h) is stopped, too; and the owner runs again when it is the
 * follower that is asked for. */
int role_container_find(struct engine *d, const struct place *place, const char *role, json_t **out, struct err *e);

#endif
