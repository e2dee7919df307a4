/* executor/service_logs.h: the output of a job's services in its log, while a hook works (CI_DEBUG_SERVICES).
 *
 * A process beside the hook, with a connection of its own, follows all services and writes whole lines to stderr:
 * gitlab-runner takes the two streams apart, so that a line of a service's never lands within one of the script's,
 * where it would also hide a secret from the runner's masking.
 *
 * Where it stopped is kept in the runner's folder of this try (TMPDIR, contract 1.3) for the next hook. What services
 * say after the last hook but cleanup is not shown: cleanup's output does not reach the job log. */
#ifndef EXECUTOR_SERVICE_LOGS_H
#define EXECUTOR_SERVICE_LOGS_H

#include "base/process.h"
#include "executor/host.h"

/* Start it, where the job has services and asks for their output; else `p` is left alone, as PROCESS_INIT made it.
 * What goes wrong is a warning: a job does not fail for want of it. */
void service_logs_start(const struct host *h, const struct invocation *in, struct process *p);

/* Let it show what was said until now, and end. Does nothing when it was not started. */
void service_logs_stop(struct process *p);

#endif
