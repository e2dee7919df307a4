/* stages/plan.h: what containers a job gets, and what they get.
 *
 * A pure function of the job, of its kind and of the host's settings: printed by
 * `atelier prepare --dry-run`, tested as data, made true by executor/hook_prepare.c. */
#ifndef STAGES_PLAN_H
#define STAGES_PLAN_H

#include "stages/job.h"
#include "stages/kind.h"
#include "stages/place.h"
#include "stages/secret_variables.h"

#include <jansson.h>

/* What the host's owner settled for all jobs. */
struct host_settings {
    const char *image;         /* for jobs that name none */
    const char *helper_image;
    const char *docker_socket; /* the daemon's socket as containers shall mount it */
    const struct strvec *pull_policy; /* for jobs that name none */
    const struct strvec *allowed_pull_policies; /* for the owner and jobs alike; empty or NULL: pull_policy */
    bool volumes; /* builds and caches are volumes of the daemon, not folders of this host */
    const struct secret_variables *secrets; /* what no container may have; NULL: nothing is kept from them */
};

/* Before the name or the id of the container whose network another one has: HostConfig.NetworkMode. */
#define CONTAINER_NETWORK "container:"

enum plan_role { PLAN_BUILD, PLAN_HELPER, PLAN_ROLES };

struct plan_container {
    const char *role;     /* "build", "helper", "service" */
    char *name;
    char *image;
    char *platform;       /* NULL: the daemon's */
    struct strvec pull_policy; /* tried in order; empty: never pulled, ours to make */
    struct strvec aliases; /* services alone: what they are called on the job's network */
    json_t *config;       /* the body of POST /containers/create, complete but for what
                           * only the image says (plan_add_image, service_add_image) */
};

/* One that prepare makes before the containers, which mount it by its name. */
struct plan_volume {
    char *name;
    json_t *labels;
};

struct plan {
    enum kind_id kind;
    struct place place;
    char *network;        /* the name of the network the job is alone in, or NULL for none such */
    json_t *network_labels;
    const char *builds;   /* what is mounted at place.builds_dir: that folder or place.builds_volume; borrowed from place */
    const char *cache;    /* and at place.cache_dir */
    struct plan_volume *volumes;
    size_t n_volumes;
    int64_t expires;
    enum plan_role follower; /* which of the two has the other's place in the network; PLAN_ROLES: each has its own */
    struct plan_container of[PLAN_ROLES];
    struct plan_container *services; /* stages/service.h */
    size_t n_services;
    struct strvec warnings; /* for the job log */
};

/* `now`: seconds since the epoch, from which the things' expiry counts. ERR_JOB
 * when the job asks for what its kind may not have; ERR_CONFIG when the owner's
 * settings name what cannot be. */
int plan_make(const struct job *job, const struct place *place, const struct kinds *kinds,
              const struct host_settings *host, int64_t now, struct plan *out, struct err *e);

/* Add what only the image says; `image` is the daemon's description (GET
 * /images/NAME/json). Its ENTRYPOINT goes to the build container's labels: `run`
 * starts it before the shell, as the docker executor does. */
void plan_add_image(struct plan *plan, const struct job *job, const json_t *image);

const char *plan_role_name(enum plan_role role);
/* Which of the job's own two containers has the other's place in the network, when its kind and its image are these;
 * PLAN_ROLES: each has its own. */
enum plan_role plan_follower(const struct kind *kind, const char *image);
/* Which of the two the other one follows: that has to run first, and as long as the other one does. */
enum plan_role plan_owner(const struct plan *plan);

/* Make the keeper (stages/shell.h) the first process of the container that this body is for. */
void plan_wait_in_shell(json_t *config);

/* What the job's own container and its services have mounted alike, a new list of binds: what the job is built in,
 * and the owner's `mounts`. One without a source is a volume of the plan, which those containers share. */
json_t *plan_binds(const struct plan *plan, const struct kind *kind);

/* Mount a file or folder of the host in the container whose HostConfig this is. A mount and not a bind: for those the
 * daemon makes a folder where nothing is. */
void plan_add_mount(json_t *host_config, const char *source, const char *target, bool read_only);

/* Put into `out` the image that a job asks for, by its checked name, and when it is pulled. Fails, with nothing put
 * there, when no pull policy is left (stages/pull_policy.h). */
int plan_image(const struct job_image *asked, const char *name, const struct host_settings *host,
               struct plan_container *out, struct err *e);

/* All containers, in the order in which they are made: the services first. So when
 * the job's own two are there, nothing is missing. */
size_t plan_count(const struct plan *plan);
const struct plan_container *plan_at(const struct plan *plan, size_t i);

/* ERR_JOB when a container's body or name holds one of the secrets: what the daemon is told, it shows. */
int plan_check_secrets(const struct plan *plan, const struct secret_variables *secrets, struct err *e);

/* Have it use one that several jobs have, one after the other, instead of its own. */
void plan_use_network(struct plan *plan, const char *name);

/* Leave the job its own two containers alone. */
void plan_drop_services(struct plan *plan);

bool plan_is_privileged(const struct plan_container *c);

/* The plan as JSON for people and tests; a new reference. Holds no secret. */
json_t *plan_describe(const struct plan *plan);
void plan_release(struct plan *plan);

#define auto_plan __attribute__((cleanup(plan_release))) struct plan

#endif
