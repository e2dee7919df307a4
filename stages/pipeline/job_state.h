/* stages/pipeline/job_state.h: a job under way: what job_run.c and job_stages.c share, and nobody else sees. */
#ifndef STAGES_PIPELINE_JOB_STATE_H
#define STAGES_PIPELINE_JOB_STATE_H

#include "base/mask.h"
#include "stages/pipeline/coverage.h"
#include "stages/pipeline/job_files.h"
#include "stages/pipeline/job_run.h"

/* A job under way. */
struct job_run {
    const struct job_world *world;
    const struct ci_job *job;
    int64_t id;
    char token[32];
    struct variables server;   /* as GitLab sends them, not expanded */
    struct variables resolved; /* what hooks and scripts see now */
    char *image;               /* expanded; NULL for none */
    struct strvec services;    /* the names of their images, expanded */
    struct strvec refspecs;
    int depth;
    bool no_snapshot;      /* it cannot be had here */
    bool has_snapshot;     /* the project folder is one: nothing is to be fetched */

    struct hook hook;
    struct hook_answer answer;
    char *project_dir; /* "" until config has answered */
    char *files_dir;
    const char *status; /* CI_JOB_STATUS */
    int64_t deadline;   /* by clock_ms(), of its timeout; 0: none */
    bool timed_out;
    bool canceled; /* its script was; what follows a failed one follows */

    struct job_record record;
    struct mask mask;
    struct coverage coverage;
    struct job_files files;
    struct job_left *left; /* the caller's */
};

/* A line of the runner's own in the job's log. */
void job_title(struct job_run *j, const char *text);
void job_say(struct job_run *j, enum report_style style, const char *fmt, ...) PRINTF_LIKE(3, 4);
void job_complain(struct job_run *j, enum report_style style, const char *what, const struct err *e);
/* A piece of the job's output, as a hook_sink_fn. */
void job_show(void *ctx, const char *data, size_t len);
/* The output of one hook has ended. */
void job_show_end(struct job_run *j);
/* What hooks and scripts see from now on. */
int job_resolve(struct job_run *j, struct err *e);
/* Where the run hooks fetch from: inside of the folder that every container of the job has, under a name that no
 * earlier job knew. The caller's. */
char *job_repository_name(const struct job_run *j);

/* All sub-stages, from prepare_script to cleanup_file_variables (contract 1.7). */
enum hook_result job_stages(struct job_run *j, int *code, struct err *e);

#endif
