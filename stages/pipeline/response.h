/* stages/pipeline/response.h: the job as GitLab hands it to a runner: JOB_RESPONSE_FILE. */
#ifndef STAGES_PIPELINE_RESPONSE_H
#define STAGES_PIPELINE_RESPONSE_H

#include "stages/pipeline/ci_file.h"
#include "stages/pipeline/predefined.h"

#include <stdint.h>

/* Everything borrowed. */
struct response {
    const struct pipeline_facts *pipeline;
    const struct ci_job *job;
    int64_t id;
    const char *stage;
    const char *token;
    const char *image; /* expanded; NULL for none */
    const struct strvec *services; /* the names of their images, expanded */
    const struct variables *variables; /* as the server sends them: not expanded */
    const struct strvec *refspecs;
    int depth;
    struct {
        const char *host; /* NULL: no registry */
        const char *user;
        const char *password;
    } registry;
};

/* CI_JOB_SERVICES, the caller's: "" without services (contract 1.6). The variables of the services
 * are left out: they may hold secrets, and every script gets this. */
char *response_services(const struct ci_job *job, const struct strvec *names);
/* Write it to `path`, mode 0600: it has secrets in clear. */
int response_write(const struct response *r, const char *path, struct err *e);

#endif
