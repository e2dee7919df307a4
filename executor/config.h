/* executor/config.h: the host's configuration: one YAML file.
 *
 * Every key stands in one table (config_key.h) with its type, its place in the struct,
 * its default and its help; the sample file and the manual come from it. */
#ifndef EXECUTOR_CONFIG_H
#define EXECUTOR_CONFIG_H

#include "base/err.h"
#include "engine/engine.h"
#include "stages/deploy/target.h"
#include "stages/kind.h"

#include <stdbool.h>
#include <stdint.h>

#define CONFIG_DEFAULT_PATH "/etc/atelier/config.yml"

/* What becomes of a job whose service died or never became ready. */
enum on_unready { UNREADY_FAIL, UNREADY_WARN };

/* Where builds and caches are kept. */
enum storage {
    STORAGE_AUTO,    /* folders where the daemon has a Unix socket, and so our file system; volumes elsewhere */
    STORAGE_FOLDERS, /* of the daemon's machine */
    STORAGE_VOLUMES, /* of the daemon */
};

struct config_services {
    enum on_unready on_unready;
    int64_t wait_ms; /* how long all of them may take together; 0: nobody waits */
};

struct config {
    char *builds;            /* absolute: root of the build folders on the host */
    char *cache;             /* absolute: root of the caches */
    enum storage storage;
    char *image;             /* for jobs that name none */
    char *helper_image;
    char *docker_host;       /* NULL: DOCKER_HOST, then the default socket */
    char *docker_cert_path;  /* NULL: DOCKER_CERT_PATH */
    bool docker_tls_verify;
    struct strvec pull_policy; /* tried in order: always, if-not-present, never */
    struct strvec allowed_pull_policies; /* empty: those of pull_policy */
    int64_t cache_size;      /* bytes; 0: no limit */
    int64_t cache_age_ms;    /* since the last use; 0: no limit */
    bool direct;             /* scripts go straight to their containers, where they can */
    int64_t cancel_grace_ms; /* from TERM to KILL */
    int64_t keep_failed_ms;  /* how long a failed job's containers stay; 0: not at all */
    bool cleanup_waits;      /* the hook cleanup returns when all is gone, and not before */
    int64_t trace_ms;        /* how long it is kept where a job's time went; 0: nobody writes it down */
    int64_t idle_networks;   /* how many networks wait for jobs, at most */
    int64_t standby;         /* how many pairs of containers wait for the next job of each slot: 0 or 1 */
    bool keep_script_secrets; /* SV_* variables stay in scripts, where every job can read them */
    struct config_services services;
    struct kinds kinds;
    struct targets targets;  /* where jobs may deploy to */
};

/* In the hooks' environment, from `atelier pipeline --keep`: it wins over `keep_failed`. A job's variables have other names
 * there. */
#define CONFIG_KEEP_VARIABLE "ATELIER_KEEP_FAILED"

/* The same of `standby`, from `atelier pipeline`: nothing waits for a job when a pipeline has ended. */
#define CONFIG_STANDBY_VARIABLE "ATELIER_STANDBY"

/* The same of `idle_networks`. */
#define CONFIG_NETWORKS_VARIABLE "ATELIER_IDLE_NETWORKS"
#define CONFIG_NETWORKS_MAX 1000

/* Whether the daemon is reached by a socket of this host's. */
bool config_endpoint_is_unix(const struct engine_endpoint *endpoint);

/* Read `path`; NULL: the default path, where a missing file means the defaults.
 * `env` supplies HOME and XDG_CACHE_HOME, which the folders default to for users
 * other than root. Errors are ERR_CONFIG and say file, line, what is wrong and the
 * nearest right key. */
int config_read(const char *path, char *const *env, struct config *out, struct err *e);
/* The same from memory, for tests and the fuzzer. */
int config_read_text(const char *name, const char *text, size_t len, char *const *env, struct config *out,
                     struct err *e);
/* Where the daemon is: the file's word before the environment's. Borrows from both. */
void config_endpoint(const struct config *c, char *const *env, struct engine_endpoint *out);
/* Whether builds and caches are volumes of the daemon there. */
bool config_uses_volumes(const struct config *c, const struct engine_endpoint *endpoint);
/* A commented sample file with every key. */
void config_sample(struct strbuf *out);
void config_release(struct config *c);

#define auto_config __attribute__((cleanup(config_release))) struct config

#endif
