/* stages/deploy/client/relay.h: `deploy-master --relay`, which a host starts in a job's container. */
#ifndef STAGES_DEPLOY_CLIENT_RELAY_H
#define STAGES_DEPLOY_CLIENT_RELAY_H

/* Listen on the job's socket, and carry what clients say to stdout and the host's answers from stdin
 * (stages/deploy/relay.h), until stdin ends. The exit status; what went wrong is on stderr. */
int relay_run(void);

#endif
