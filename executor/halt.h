/* executor/halt.h: ends all that runs in containers, and returns when nothing does any more. */
#ifndef EXECUTOR_HALT_H
#define EXECUTOR_HALT_H

#include "engine/engine.h"

/* Kill what runs in the containers of a listing. Where the daemon is here, the kernel is asked to: it ends a whole
 * process namespace in a millisecond, where the daemon's `kill` also takes the container's network down before it
 * answers. Containers and whatever is theirs stay. */
int halt_all(struct engine *d, const json_t *containers, struct err *e);

/* Whether the process is of the container: the text of /proc/PID/cgroup names its id. Pure. */
bool halt_is_of(const char *cgroup, const char *id);

#endif
