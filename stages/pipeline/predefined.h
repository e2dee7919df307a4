/* stages/pipeline/predefined.h: the variables that GitLab and the runner give to every job. */
#ifndef STAGES_PIPELINE_PREDEFINED_H
#define STAGES_PIPELINE_PREDEFINED_H

#include "stages/pipeline/checkout.h"
#include "stages/pipeline/ci_file.h"
#include "stages/variables.h"

#include <stdint.h>

/* A pipeline as GitLab would number it. */
struct pipeline_facts {
    const struct checkout *checkout;
    const char *sha; /* what the jobs check out; may be a commit on top of checkout->head */
    int64_t id;
    int slot;  /* the pipeline's: its artifacts lie there */
    int place; /* the job's: CI_CONCURRENT_ID and CI_CONCURRENT_PROJECT_ID */
    const char *name; /* of the pipeline, by its `workflow`; NULL: none */
};

/* What started it, with CI_MERGE_REQUEST_*: part of predefined_pipeline(). */
void predefined_event(const struct checkout *c, struct variables *out);
/* What a server knows when it makes the pipeline, and of a job of it: rules see that, and nothing of what follows. */
void predefined_known(const struct pipeline_facts *p, struct variables *out);
void predefined_job_known(const struct ci_job *job, const char *stage, struct variables *out);
/* What the server knows of every job of the pipeline, and of one job. */
void predefined_pipeline(const struct pipeline_facts *p, struct variables *out);
void predefined_job(const struct pipeline_facts *p, const struct ci_job *job, const char *stage, int64_t id,
                    const char *token, struct variables *out);
/* Where a CI_REGISTRY is given. */
void predefined_registry(const struct checkout *c, struct variables *out);
/* CI_ENVIRONMENT_*, whose name and URL may refer to the other variables. */
int predefined_environment(const struct ci_environment *env, const struct variables *others, struct variables *out,
                           struct err *e);
/* What the runner adds before the server's variables: they may be overridden. `timeout`: the job's, in seconds, or 0. */
void predefined_runner(const struct pipeline_facts *p, const char *image, const char *builds_dir,
                       const char *project_dir, const char *job_status, int64_t timeout, struct variables *out);
/* What the runner adds after them. `services`: CI_JOB_SERVICES. */
void predefined_runner_last(const char *project_dir, const char *services, struct variables *out);

/* The first characters of the runner's token, which are part of folder names. */
extern const char predefined_runner_token[];
/* How long a job may take that says no `timeout`, in seconds: nothing ends it here, so a day is as good as any number. */
#define PREDEFINED_JOB_TIMEOUT 86400

/* "https://gitlab.example.com/group/project"; the caller's. */
char *predefined_project_url(const struct checkout *c);

#endif
