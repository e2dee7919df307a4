/* stages/deploy/deploy.h: one deploy of a project to an environment's target, from the file's text to a release that
 * serves.
 *
 *   file -> compose -> images on the target -> lock -> what is there, healed -> plan -> rollout -> record -> drain
 *
 * The record is the commit point: until it is there the old release serves and is what the next deploy finds; from
 * then on the new one. Whatever ends this process in between, the next deploy heals. */
#ifndef STAGES_DEPLOY_DEPLOY_H
#define STAGES_DEPLOY_DEPLOY_H

#include "base/log.h"
#include "engine/engine.h"
#include "stages/deploy/environment.h"
#include "stages/deploy/target.h"

enum deploy_action {
    DEPLOY_UP,
    DEPLOY_DRY_RUN,  /* say what would be done, by the images that the target has now */
    DEPLOY_ROLLBACK, /* an earlier release's file, images and public variables, with today's secrets */
    DEPLOY_RELEASES, /* say what was deployed when */
};

struct deploy_request {
    enum deploy_action action;
    const char *file; /* what messages call the text; DEPLOY_UP and DEPLOY_DRY_RUN */
    const char *text;
    size_t len;
    int release; /* DEPLOY_ROLLBACK: where to; 0: the one before */
};

/* Gets one line for people, without its end. It has no secret of the environment in it. */
typedef void deploy_say_fn(void *ctx, enum log_level level, const char *line);

/* All borrowed. */
struct deploy_context {
    struct engine *engine; /* the target's */
    const struct target *target;
    const struct deploy_identity *who;
    struct deploy_environment *environment; /* not for DEPLOY_RELEASES */
    const struct credential *credentials; /* the job's, for its images; asked after the target's own */
    size_t n_credentials;
    const char *cron_program; /* the file of atelier-cron on this host; NULL: cron services are refused */
    const struct engine_watch *watch;
    deploy_say_fn *say;
    void *say_ctx;
};

/* ERR_JOB: what the project's author can mend; ERR_CONFIG: the target's owner; ERR_SYSTEM: the target or the network.
 * In each case the release that served before goes on. */
int deploy_run(const struct deploy_context *c, const struct deploy_request *request, struct err *e);

#endif
