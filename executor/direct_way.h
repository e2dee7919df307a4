/* executor/direct_way.h: the direct way into a job's containers: what prepare gives them for it.
 *
 * Their first process is then atelier-init, mounted read-only, and each has a folder of its own with the socket on
 * which that waits (executor/init/order.h). The folders are below the root of the build folders, where no other user
 * of the host may go; the job may write into its container's. Where the daemon is on another machine, or the
 * configuration says `direct: off`, containers wait in a shell, and scripts go through the daemon's exec. */
#ifndef EXECUTOR_DIRECT_WAY_H
#define EXECUTOR_DIRECT_WAY_H

#include "executor/host.h"
#include "stages/plan.h"

/* Whether the job's containers can have it at all. */
bool direct_way_is_possible(const struct host *h, const struct invocation *in);

/* Make atelier-init the first process of both containers; what stands in the way is a warning of the plan's. */
void direct_way_plan(const struct host *h, const struct invocation *in, struct plan *plan);
bool direct_way_is_planned(const struct plan *plan);
/* Give atelier-init the ENTRYPOINT of the image, when that is known. */
void direct_way_add_image(struct plan *plan);
/* Take all of it out of the plan again: the daemon does not see this host's files. */
void direct_way_undo(struct plan *plan);
/* Make the folders that the plan names, before the containers. Nothing where it names none. */
int direct_way_make(const struct host *h, const struct plan *plan, struct err *e);

/* The folder on the host of the job's container of that role; the caller's. */
char *direct_way_folder(const struct host *h, const char *role);
/* Whether the text, the daemon's on a container that it did not make, says that one of these is not there. */
bool direct_way_is_unseen(const struct host *h, const char *text);

/* Tell the job log that nobody answers there. */
void direct_way_warn(const struct log *log, const char *folder);

/* Remove them, when the containers of the job of that key are gone. */
void direct_way_remove(const struct config *c, const char *key);
/* Add the keys of the jobs whose folders are there and were made until then. */
void direct_way_list(const struct config *c, int64_t before, struct strvec *keys);

#endif
