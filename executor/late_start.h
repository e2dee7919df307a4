/* executor/late_start.h: the start of a job's build container, which goes on when `prepare` has returned.
 *
 * Nobody needs that container before the job's own script: the helper fetches the sources meanwhile. A process of its own
 * starts it, and holds a lock beside the container's socket as long as it is at it. What goes wrong there is not written
 * down: whoever needs the container then finds it not running, starts it, and has the daemon's own word. */
#ifndef EXECUTOR_LATE_START_H
#define EXECUTOR_LATE_START_H

#include "executor/host.h"

/* Start the container of that id, whose socket's folder is there, by a process of its own. */
int late_start_begin(const struct host *h, const struct invocation *in, const char *id, struct err *e);

/* Wait until nobody is at it any more, at most so long, or until a signal comes. False: nobody ever was. */
bool late_start_wait(const struct host *h, const struct invocation *in, int64_t wait_ms);

#endif
