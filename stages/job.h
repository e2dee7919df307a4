/* stages/job.h: the job as GitLab hands it over.
 *
 * Read from two places that gitlab-runner gives every hook: the CUSTOM_ENV_*
 * environment, whose values are expanded, and JOB_RESPONSE_FILE, which alone knows
 * the image's entrypoint, pull policy and user and the registry credentials
 * (contract 1.3, 1.4, 1.12). Any CI_* variable of the environment may be one that
 * the job set itself, so who the job is, is the response's word wherever it has one.
 * Older runners lack fields, newer ones add some: what is missing stays empty, what
 * is unknown is passed over. */
#ifndef STAGES_JOB_H
#define STAGES_JOB_H

#include "base/err.h"
#include "base/strvec.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct credential {
    char *registry; /* host[:port] */
    char *username;
    char *password; /* secret */
};

struct job_image {
    char *name; /* expanded; "" when the job names none */
    bool entrypoint_given;
    struct strvec entrypoint; /* as written; [""] clears the image's own */
    struct strvec pull_policy;
    char *platform; /* "" when not given */
    char *user;     /* "" when not given */
};

/* Not expanded: stages/service.c does that. */
struct job_service {
    struct job_image image;
    char *alias;           /* one or several, by blank or comma; "" when not given */
    struct strvec command; /* empty: the image's */
    json_t *variables;     /* as the response has them; NULL when not given */
};

struct job {
    char *id;              /* "1234" */
    char *runner;          /* the runner's short token: never the secret one */
    char *project_id;      /* "42" */
    char *project_path;    /* "group/proj" */
    char *name;            /* "build image" */
    char *stage;           /* "build" */
    char *environment;     /* CI_ENVIRONMENT_NAME, "" when the job has none */
    char *commit, *ref;    /* what it runs for, and */
    char *url;             /* its page in GitLab, by the server's word: "" without a response */
    char *slot;            /* CI_CONCURRENT_PROJECT_ID */
    char *concurrent;      /* CI_CONCURRENT_ID */
    bool protected_ref;
    bool wants_init; /* FF_USE_INIT_WITH_DOCKER_EXECUTOR, as the docker executor hears it */
    int64_t timeout_s;
    struct job_image image;
    struct credential *credentials;
    size_t n_credentials;
    struct job_service *services;
    size_t n_services;
    struct strvec file_variables;    /* names of the variables whose value reaches scripts as a path */
    struct strvec public_variables;  /* names of those that are no secret: public and not masked */
    struct strvec private_variables; /* names of all others that GitLab sent */
    struct strvec masked_variables;  /* names of those that no log may show */
};

/* What every hook can know from its environment alone. ERR_SYSTEM when it was not
 * started by gitlab-runner: it says which variable is missing. */
int job_from_env(char *const *env, struct job *out, struct err *e);
/* Add what the response file says. A runner before 14.1 has none: then nothing is
 * added. A file that is there but cannot be used is ERR_SYSTEM. */
int job_add_response(struct job *job, char *const *env, struct err *e);
/* The same from text, for tests and the fuzzer. */
int job_add_response_text(struct job *job, const char *text, size_t len, struct err *e);
void job_release(struct job *job);

/* The job's variables as KEY=value, for an image's ENTRYPOINT: scripts export
 * their own. File variables are paths in the project's temporary folder. */
void job_variables(const struct job *job, char *const *env, struct strvec *out);

/* CUSTOM_ENV_<name>, "" when it is not there. Borrowed from env. */
const char *job_env(char *const *env, const char *name);

#define auto_job __attribute__((cleanup(job_release))) struct job

#endif
