/* stages/kind.h: the kinds of stage, and what the host's owner lets a job of each kind have. */
#ifndef STAGES_KIND_H
#define STAGES_KIND_H

#include "base/strvec.h"

#include <jansson.h>
#include <stdbool.h>

enum kind_id { KIND_PULL, KIND_BUILD, KIND_PUSH, KIND_TEST, KIND_DEPLOY, KIND_OTHER, KIND_COUNT };

enum docker_access {
    DOCKER_NONE,   /* the job cannot reach the daemon */
    DOCKER_SOCKET, /* the daemon's socket is in the job's container: root on the host, in effect */
};

struct kind {
    enum docker_access docker;
    bool registry_login; /* the job finds its registry credentials in its Docker client's configuration */
    json_t *settings;     /* of its containers: name -> API value (stages/setting.h) */
    char *network;       /* "job": one of the job's own; "none", "host", or the name of a network; never NULL */
    struct strvec mounts; /* HOST:CONTAINER[:ro], VOLUME:CONTAINER[:ro], CONTAINER */
    struct strvec images; /* patterns of images that may be used; empty: any */
    struct strvec services; /* patterns of images that services may be of; empty: any */
    struct strvec privileged_images;   /* patterns of images whose build container is privileged; empty: none */
    struct strvec privileged_services; /* patterns of images whose services are privileged; empty: none */
    struct strvec stages; /* names of the stages that the owner says are of this kind */
};

struct kinds {
    struct kind of[KIND_COUNT];
};

/* Every kind with the least: no Docker, no mounts, a network of its own. */
void kinds_init(struct kinds *k);
void kinds_release(struct kinds *k);

const char *kind_name(enum kind_id id);     /* "pull", …, "other" */
const char *const *kind_names(void);        /* all of them, NULL-terminated */
/* -1 when there is no such kind. */
int kind_parse(const char *name, enum kind_id *out);

/* Which kind a job is: by the owner's mapping of its stage's name, else by the
 * name itself, else `deploy` when it has an environment, else `other`. */
enum kind_id kind_of(const struct kinds *k, const char *stage, const char *environment);

/* Whether the job can reach the daemon: by its socket, or by what the owner mounts of the folders where sockets are. */
bool kind_reaches_daemon(const struct kind *k);
/* Whether a job of this kind may use the image. */
bool kind_allows_image(const struct kind *k, const char *image);
/* Whether a job of this kind may have a service of the image. */
bool kind_allows_service(const struct kind *k, const char *image);
/* Whether the job's own container is privileged when it is of the image: root on the host, in effect. */
bool kind_image_is_privileged(const struct kind *k, const char *image);
/* Whether a service of the image is: so is everybody who may choose its command, as the job's author may. */
bool kind_service_is_privileged(const struct kind *k, const char *image);

#endif
