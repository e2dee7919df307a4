/* executor/deploy_way.h: how a job's `deploy-master` reaches its host: what prepare gives the job's container.
 *
 * The program itself, a static one, and a folder of this job alone with a socket, which `run` listens on while the
 * job's script runs (executor/deploy_server.h). The folder is below the root of the build folders, where no other
 * user of the host may go, and is mounted read-only in this one container: so whoever knocks is this job.
 * Where nothing of this host's can be mounted, both are the container's own, the program is copied there, and listens
 * itself (executor/deploy_relay.h). */
#ifndef EXECUTOR_DEPLOY_WAY_H
#define EXECUTOR_DEPLOY_WAY_H

#include "engine/engine.h"
#include "executor/host.h"
#include "stages/plan.h"

#define DEPLOY_PROGRAM    "deploy-master"
#define DEPLOY_PROGRAM_AT "/usr/local/bin/" DEPLOY_PROGRAM

enum deploy_way {
    DEPLOY_NOT,     /* no environment, or a host without targets */
    DEPLOY_REFUSED, /* no target allows it: the program alone, which says so */
    DEPLOY_RELAY,   /* one does, but no folder of ours reaches the daemon's machine */
    DEPLOY_SOCKET,
};

enum deploy_way deploy_way(const struct host *h, const struct invocation *in);

/* Add the mounts to the plan's build container; what stands in the way is a warning of the plan's. */
void deploy_way_plan(const struct host *h, const struct invocation *in, struct plan *plan);
/* Make the folder that the plan names, before the containers. Nothing where it names none. */
int deploy_way_make(const struct host *h, const struct invocation *in, struct err *e);
/* Copy the program into the container, before it starts, where it could not be mounted. One that takes nothing, having
 * a read-only root, is a warning in the job log. */
void deploy_way_put(const struct host *h, const struct invocation *in, struct engine *d, const char *container);
/* Remove the folder, when the containers of the job of that key are gone. Nothing on a host without targets. */
void deploy_way_remove(const struct config *c, const char *key);
/* The keys of the jobs whose folder is there and was last changed (a script began or ended) until then. */
void deploy_way_list(const struct config *c, int64_t before, struct strvec *keys);

/* Whether the text, the daemon's on a mount, tells of one of these. */
bool deploy_way_is(const struct host *h, const char *text);

/* The folder on the host; the caller's. */
char *deploy_way_folder(const struct host *h);

#endif
