/* stages/plan.h: what containers a job gets, and what they get.
 *
 * A pure function of the job, of its kind and of the host's settings: printed by
 * `atelier prepare --dry-run`, tested as data, made true by executor/hook_prepare.c. */
#ifndef STAGES_PLAN_H
#define STAGES_PLAN_H

#include "stages/job.h"
#include "stages/kind.h"
#include "stages/place.h"

#include <jansson.h>

/* What the host's owner settled for all jobs. */
struct host_settings {
    const char *image;         /* for jobs that name none */
    const char *helper_image;
    const char *docker_socket; /* the daemon's socket as containers shall mount it */
    const struct strvec *pull_policy; /* for jobs that name none */
};

enum plan_role { PLAN_BUILD, PLAN_HELPER, PLAN_ROLES };

struct plan_container {
    const char *role;     /* "build", "helper" */
    char *name;
    char *image;
    char *platform;       /* NULL: the daemon's */
    struct strvec pull_policy; /* tried in order; empty: never pulled, ours to make */
    json_t *config;       /* the body of POST /containers/create, complete but for the
                           * image's own entrypoint (plan_add_image) and the network */
};

struct plan {
    enum kind_id kind;
    struct place place;
    char *network;        /* the name of the job's own network, or NULL for none of its own */
    json_t *network_labels;
    struct plan_container of[PLAN_ROLES];
};

/* `now`: seconds since the epoch, from which the things' expiry counts. ERR_JOB
 * when the job asks for what its kind may not have; ERR_CONFIG when the owner's
 * settings name what cannot be. */
int plan_make(const struct job *job, const struct place *place, const struct kinds *kinds,
              const struct host_settings *host, int64_t now, struct plan *out, struct err *e);

/* Add what only the image says; `image` is the daemon's description (GET
 * /images/NAME/json). Its ENTRYPOINT goes to the build container's labels: `run`
 * starts it before the shell, as the docker executor does. When its user is not
 * root, the helper makes files that everybody may write, as the docker executor
 * does too (contract 5.6): the sources would be closed to the job otherwise. */
void plan_add_image(struct plan *plan, const struct job *job, const json_t *image);

/* The plan as JSON for people and tests; a new reference. Holds no secret. */
json_t *plan_describe(const struct plan *plan);
void plan_release(struct plan *plan);

#define auto_plan __attribute__((cleanup(plan_release))) struct plan

#endif
