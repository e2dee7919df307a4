/* executor/deploy_job.h: what a deploy job asks of its host, done.
 *
 * The host takes nothing of the job's word but the target's name and the compose file: who the job is, its
 * environment and its secrets are the server's, by the job response, and what it may is the configuration's. */
#ifndef EXECUTOR_DEPLOY_JOB_H
#define EXECUTOR_DEPLOY_JOB_H

#include "executor/host.h"
#include "stages/deploy/deploy.h"
#include "stages/deploy/wire.h"

struct deploy_job {
    const struct host *host;
    char *const *env;                 /* the hook's: JOB_RESPONSE_FILE */
    const char *program;              /* this program's own path: others are beside it */
    const struct engine_watch *watch; /* its wake_fd is readable when it is to be ended */
    deploy_say_fn *say;               /* lines without secrets */
    void *say_ctx;
};

/* One request. ERR_JOB: refused, or the deploy failed by what the job asked for; ERR_CANCELLED: the watch ended it
 * before its commit point. Errors hold no secret either. */
int deploy_job_run(const struct deploy_job *d, const struct wire_request *q, struct err *e);

#endif
