/* executor/job_remains.h: what this host has of a job of which the daemon has nothing any more. */
#ifndef EXECUTOR_JOB_REMAINS_H
#define EXECUTOR_JOB_REMAINS_H

#include "executor/config.h"

/* Its sockets are removed, and its network waits for another job. Gone is fine. */
void job_remains_remove(const struct config *c, const char *key);

#endif
