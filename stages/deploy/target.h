/* stages/deploy/target.h: a Docker daemon that jobs may deploy to, and who may. */
#ifndef STAGES_DEPLOY_TARGET_H
#define STAGES_DEPLOY_TARGET_H

#include "base/strvec.h"
#include "stages/job.h"

#include <stdbool.h>
#include <stdint.h>

/* What the target's proxy reads. */
enum routing { ROUTING_NONE, ROUTING_TRAEFIK1, ROUTING_TRAEFIK2, ROUTING_TRAEFIK3 };

/* A service that is kept across releases. */
struct target_managed {
    char *service; /* mysql, postgresql, mongodb or redis */
    char *host;    /* "": a container of ours; else the name or address of a server elsewhere */
};

/* Where a secret of a target's is read from, and what it becomes. */
enum target_secret { TARGET_KEY, TARGET_MAILS, TARGET_INFLUXDB, TARGET_PASSWORD };

struct target_file {
    enum target_secret as;
    char *name; /* of the variable (MAILS_TOKEN) or the registry; "" for the key */
    char *path;
};

struct target {
    char *name;
    char *docker_host; /* unix://, tcp://, ssh://[user@]host[:port] */
    char *cert_path;   /* "": none */
    bool tls_verify;
    char *domain;      /* of environments without a URL: <unit>.<domain>; "": none */
    struct strvec projects, environments; /* patterns (text_matches: `*` is any text, slashes too); none: nobody may */
    bool protected_only; /* only jobs of protected branches and tags */
    struct strvec domains; /* patterns of the host names that its projects may route; none: any */
    enum routing routing;
    char *network;       /* the proxy's, made by the target's owner; "": none */
    struct strvec entrypoints;
    char *certresolver;  /* traefik 2 and 3; "": none */
    char *data;          /* absolute, on the target: <data>/<project>/<environment>/ holds ./data/… */
    bool allow_root_user, allow_image_volumes;
    struct target_managed *managed;
    size_t n_managed;
    struct strvec managed_images; /* patterns of their images; none: any */
    struct strvec mails, influxdb; /* "MAILS_TOKEN=…"; TOKEN and PASSWORD are secret */
    char *key;           /* secret; derives generated passwords and hashes of configurations; "": none */
    struct credential *registries; /* their passwords are "" until the files are read */
    size_t n_registries;
    struct target_file *files; /* of the above, what is secret: target_read_secrets */
    size_t n_files;
    int64_t memory;      /* bytes, of each service; 0: no limit */
    int64_t nano_cpus;   /* 1e9 of them are one CPU; 0: no limit */
    int64_t health_wait_ms, drain_ms, stop_grace_ms, lock_wait_ms;
    int64_t keep_releases;
    bool keep_images; /* those of releases that the history has no more, too */
};

struct targets {
    struct target *items;
    size_t n;
};

/* Read the files with the target's secrets, each of which must be root's or our own user's, and closed to others.
 * ERR_CONFIG names the one that cannot be used, and how to mend it. The configuration holds their paths alone. */
int target_read_secrets(struct target *t, struct err *e);

/* Its key, for what is derived from it; ERR_CONFIG, and how to make one, when it has none. */
int target_key(const struct target *t, const char **key, struct err *e);

/* A new one with the defaults; it belongs to `targets`. */
struct target *targets_add(struct targets *targets, const char *name);
void targets_release(struct targets *targets);

/* NULL when there is none of that name. */
struct target *targets_find(const struct targets *, const char *name);

/* ERR_JOB, and who may, when the job's project, environment or ref may not deploy there. */
int target_allows(const struct target *t, const struct job *job, struct err *e);

/* Whether its jobs may: those of this project in this environment. */
bool target_names(const struct target *t, const char *project, const char *environment);

/* Whether the job may deploy to one of them: then prepare gives it a socket. */
bool targets_allow(const struct targets *targets, const struct job *job);

#endif
