/* stages/pipeline/child.h: a job with `trigger`: the pipeline that it stands for is run in its place. */
#ifndef STAGES_PIPELINE_CHILD_H
#define STAGES_PIPELINE_CHILD_H

#include "stages/pipeline/job_state.h"

/* What a child pipeline has of the job that it is run for. All borrowed. */
struct pipeline_child {
    const char *name, *text; /* its file */
    size_t len;
    const struct yaml *inputs; /* of that file; NULL: none */
    const char *prefix;      /* before the names of its jobs: "child/" */
    size_t depth;            /* 1: its parent is the project's own pipeline */
    const struct variables *forwarded;
    const struct job_files_outer *outer; /* the pipeline of the job */
    const struct record *record;
    struct cancel *cancel;
    struct strvec *rows;     /* becomes the rows of its table: stages/pipeline/pipeline_state.h */
};

/* GitLab's: below the project's own pipeline. */
#define CHILD_DEPTH_MAX ((size_t)2)

/* The name and the text of its file, where that is no artifact; the caller's. */
void child_file(const struct ci_job *job, char **name, char **text);
/* What it gets of the variables of the file and the job, `resolved` as they are there; `outer`: what the parent itself
 * got; NULL: it is the project's own pipeline. They win over the child's own, as what somebody starts a pipeline with. */
void child_forward(const struct ci_file *f, const struct ci_job *job, const struct variables *resolved,
                   const struct variables *outer, struct variables *out);

/* The variables of the job are resolved. Its output is the child's. HOOK_BUILD_FAILED: the child failed, and that counts. */
enum hook_result child_run(struct job_run *j, int *code, struct err *e);

#endif
