/* executor/sources_mount.h: a job's project folder as an overlay that whoever called us has prepared.
 *
 * `atelier pipeline` names a file in ATELIER_SOURCES, which no job can set:
 *
 *     {"layers": ["…", …], "mounts": [{"source": "…", "target": "…"}, …]}
 *
 * `layers`, the uppermost first, are folders of this host that stay as they are. What the job writes goes to two
 * volumes of its own, so that nothing of it is left when they are removed. `mounts` are read-only. When the job has it,
 * "<file>.done" is there; a job that cannot have it (the daemon is elsewhere, or the job has the daemon's socket and
 * so needs its folder at the same path on the host) is prepared as ever. */
#ifndef EXECUTOR_SOURCES_MOUNT_H
#define EXECUTOR_SOURCES_MOUNT_H

#include "executor/host.h"
#include "stages/plan.h"

/* Add the mounts to all of the plan's containers that have the build folder. *wanted says whether there are any. */
int sources_mount_plan(const struct host *h, const struct invocation *in, struct plan *plan, bool *wanted, struct err *e);
/* Make the volumes, before the containers. */
int sources_mount_make(const struct host *h, const struct invocation *in, struct engine *d, const struct plan *plan,
                       struct err *e);
/* Say that it is so, when all is prepared. */
int sources_mount_done(const struct invocation *in, struct err *e);

#endif
