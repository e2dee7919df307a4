/* executor/deploy_relay.h: the host's end of `deploy-master --relay` (stages/deploy/relay.h), where no socket of ours
 * reaches a job's container: one exec beside the script's, whose streams are the way of the job's clients to us.
 *
 * What comes is as hostile as what comes over a socket, and goes to the same server: a copy of this process for each
 * client, which has the one end of a socket. A job that kills the relay, or writes into its stream, ends its own way. */
#ifndef EXECUTOR_DEPLOY_RELAY_H
#define EXECUTOR_DEPLOY_RELAY_H

#include "base/process.h"
#include "engine/engine.h"

struct deploy_relay {
    struct engine *engine; /* free for a call that lasts as long as this */
    const char *container;
    process_fn *serve;     /* of one client, at its `stop_fd` */
    void *serve_ctx;
    unsigned clients_max;
    int64_t stop_ms;       /* for a server to end when its client has gone */
};

/* Carry clients until `stop_fd` hangs up: then they seem to go, and what is still said to them is carried. ERR_JOB when
 * the relay ended before that, or says what none says. All servers have ended. */
int deploy_relay_run(const struct deploy_relay *r, int stop_fd, struct err *e);

#endif
