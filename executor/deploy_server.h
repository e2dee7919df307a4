/* executor/deploy_server.h: the host's end of a deploy job's `deploy-master`.
 *
 * A process beside `run`, while a script of the user's runs: it listens on the job's socket (executor/deploy_way.h),
 * or has a relay in the job's container listen (executor/deploy_relay.h), and does what it is asked, one request after
 * the other (executor/deploy_job.h). Whoever may connect is this job, so a request needs no password; a job that sends
 * nonsense, or nothing, harms its own deploys alone.
 *
 * A client that goes away, and a job that is cancelled, call the deploy off: what is before its commit point is
 * undone, and the old release goes on serving. */
#ifndef EXECUTOR_DEPLOY_SERVER_H
#define EXECUTOR_DEPLOY_SERVER_H

#include "base/process.h"
#include "executor/host.h"

/* Start it where the job may deploy; else `p` is left alone, as PROCESS_INIT made it. `container` is the one where the
 * script will run, and runs already. */
void deploy_server_start(const struct host *h, const struct invocation *in, struct engine *engine,
                         const char *container, struct process *p);
/* Call off what it does, without waiting. */
void deploy_server_tell(struct process *p);
/* The same, and wait until all is as it was before. Does nothing when it was not started. */
void deploy_server_stop(struct process *p);

#endif
