/* executor/credentials.h: the login for an image's registry, from the first place that has one.
 *
 * In the order of GitLab's documentation (contract 5.4): the job's variable DOCKER_AUTH_CONFIG, the Docker client's
 * configuration of whom we run as, what GitLab sent with the job. An entry for another registry blocks none of the
 * later places. */
#ifndef EXECUTOR_CREDENTIALS_H
#define EXECUTOR_CREDENTIALS_H

#include "base/log.h"
#include "executor/login.h"
#include "stages/job.h"

/* Where to look; all borrowed. */
struct credentials_from {
    const struct job *job;
    char *const *env;      /* CUSTOM_ENV_DOCKER_AUTH_CONFIG, DOCKER_CONFIG, HOME; credential helpers get it whole */
    int interrupt_fd;      /* base/interrupt.h: readable ends a helper with ERR_CANCELLED; -1: none */
    const struct log *log; /* warnings */
};

struct credentials {
    struct login login;
    char *source; /* for people: "$DOCKER_AUTH_CONFIG", a path, "job payload (GitLab Registry)"; NULL: none found */
};

/* Find those for `image`; out->source is NULL when nobody has any. What cannot be read is ERR_JOB when it is the
 * job's variable, ERR_CONFIG when it is a file of the host. */
int credentials_find(const struct credentials_from *from, const char *image, struct credentials *out, struct err *e);
/* The document in the job's variable alone, a new reference; *doc is left alone when there is none. ERR_CONFIG when it
 * cannot be read. */
#define CREDENTIALS_VARIABLE "$DOCKER_AUTH_CONFIG"
int credentials_of_variable(char *const *env, json_t **doc, struct err *e);
void credentials_release(struct credentials *c);

#define auto_credentials __attribute__((cleanup(credentials_release))) struct credentials

#endif
