/* executor/job_sockets.h: the folders of a job's sockets on this host: those of its containers' first processes
 * (executor/direct_way.h), and that of its deploy-master (executor/deploy_way.h). */
#ifndef EXECUTOR_JOB_SOCKETS_H
#define EXECUTOR_JOB_SOCKETS_H

#include "executor/config.h"

/* Remove those of the job of that key, when nothing of it needs them any more. Gone is fine. */
void job_sockets_remove(const struct config *c, const char *key);

#endif
