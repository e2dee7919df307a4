/* stages/pipeline/job_left.h: what a job that has ended left for later ones, and for whoever started the pipeline. */
#ifndef STAGES_PIPELINE_JOB_LEFT_H
#define STAGES_PIPELINE_JOB_LEFT_H

#include "base/err.h"
#include "stages/pipeline/ci_file.h"
#include "stages/pipeline/report.h"
#include "stages/variables.h"

#include <stdint.h>

struct job_left {
    const struct ci_job *job;
    int64_t id;
    char *root;   /* the project's cache folder; NULL when the job never got one */
    char *folder; /* below it: stages/pipeline/artifact_store.h */
    bool has_archive;
    struct variables dotenv; /* of its reports */
    struct strvec rows;      /* of its child pipeline's table: stages/pipeline/pipeline_state.h */
};

/* Look at what its helper has put there. ERR_JOB when a dotenv report is not taken. `predefined`: the job's variables. */
int job_left_read(struct job_left *l, const struct variables *predefined, struct err *e);
/* Where all of it lies; nothing when there is nothing. */
void job_left_show(struct report *r, const struct job_left *left, size_t n);
void job_left_release(struct job_left *l);

#endif
