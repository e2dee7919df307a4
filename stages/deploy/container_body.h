/* stages/deploy/container_body.h: a service of the compose file as the API's create body. Pure functions. */
#ifndef STAGES_DEPLOY_CONTAINER_BODY_H
#define STAGES_DEPLOY_CONTAINER_BODY_H

#include "base/json.h"
#include "stages/deploy/compose.h"
#include "stages/deploy/environment.h"
#include "stages/deploy/target.h"

#define CRON_SCHEDULE "sh.factory.cronjob.schedule"
#define CRON_COMMAND  "sh.factory.cronjob.command"

/* What becomes of a service. */
enum service_kind {
    SERVICE_PLAIN,
    SERVICE_ONCE,     /* restart: "no": runs once to its end, a migration */
    SERVICE_CRON,     /* runs a command at its times */
    SERVICE_MANAGED,  /* a container that the target keeps across releases */
    SERVICE_EXTERNAL, /* the target has it elsewhere */
};

enum service_kind service_kind(const struct compose_service *s, const struct target *t);

struct body_from {
    const struct compose_service *service;
    const struct compose *compose; /* for the external services' names */
    const json_t *image;           /* as the daemon describes it */
    const struct target *target;
    const struct deploy_identity *who;
    int number; /* of the release */
};

struct body {
    json_t *json; /* POST /containers/create */
    char *hash;   /* of all that it is made from, the image's id and secrets included, with the target's key; the
                   * release's number does not count */
    char *image;  /* by digest if it has one, else by id */
    bool routed;  /* the target's proxy sends requests to it */
    bool checked; /* it has a HEALTHCHECK */
};

/* ERR_JOB for labels that the target's proxy does not understand. ERR_CONFIG when
 * the target's name for an external service leads to no address. */
int body_make(const struct body_from *from, struct body *out, struct err *e);
void body_release(struct body *b);

/* ERR_JOB when the image's user is root or it declares volumes, unless the target allows it. */
int body_check_image(const struct compose_service *s, const json_t *image, const struct target *t, struct err *e);

/* ERR_JOB when the image bears labels that would be read as ours, or as the proxy's. */
int body_check_labels(const struct compose_service *s, const json_t *image, struct err *e);

/* "<data>/<project>/<environment>", where "./data" of a project is; the caller's. NULL: the target has no place. */
char *body_data_folder(const struct target *t, const struct deploy_identity *who);

#endif
