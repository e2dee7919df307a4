/* stages/pipeline/order.h: which jobs may run, after which others ended how. Pure: no clock, no process.
 *
 * A job waits for all jobs of earlier stages, never of its own; or, with `needs`, for the jobs that it names alone. Jobs
 * may run side by side and end in any order: what becomes of the others is the same as if they ran one by one. */
#ifndef STAGES_PIPELINE_ORDER_H
#define STAGES_PIPELINE_ORDER_H

#include "stages/pipeline/ci_file.h"

enum job_state {
    JOB_CREATED, /* waits for others */
    JOB_READY,   /* waits for nobody: it may start */
    JOB_RUNNING,
    JOB_PASSED,
    JOB_FAILED,
    JOB_WARNED, /* failed, and allowed to */
    JOB_SKIPPED,
    JOB_MANUAL, /* waits to be named on the command line */
    JOB_CANCELED,
};

const char *job_state_name(enum job_state s);

/* Manual jobs that may not be passed over. */
struct order_gates {
    const char *first; /* NULL: there are none. Borrowed */
    size_t n;
};

/* What earlier stages have left behind. */
struct order {
    bool failed;              /* a job failed that may not */
    struct order_gates gates;
    bool missed;              /* by needs: a job did not run */
    /* The same of the stage under way, which counts from the next one on. */
    bool failed_now;
    struct order_gates gates_now;
};

#define ORDER_INIT { .failed = false }

/* JOB_READY: it is to run. Else the state that it ends in, with *reason (static text, or NULL).
 * `named`: the user asked for it on the command line. */
enum job_state order_decide(const struct order *o, const struct ci_job *job, bool named, const char **reason);
/* How a job that ran and failed counts. `code`: its script's exit code; -1 when it was no script that failed. */
enum job_state order_judge_failure(const struct ci_job *job, int code);
/* Whether it is tried again by its `retry`, after `tries` further tries. `failure`: GitLab's word, or NULL. */
bool order_tries_again(const struct ci_job *job, const char *failure, int code, int64_t tries);
/* A job has ended, or was not run. */
void order_add(struct order *o, const struct ci_job *job, enum job_state state);
void order_end_stage(struct order *o);
/* For a job with needs, from an empty order on: a job that it needs has ended so. */
void order_add_need(struct order *o, const struct ci_job *needed, enum job_state state);

/* A job of a pipeline, as it stands. */
struct order_job {
    const struct ci_job *job;
    bool named;          /* as above */
    enum job_state state;
    const char *skipped; /* why it ended without having run; static text, or NULL */
    struct order_gates gates; /* that is because of these */
};

/* The jobs of a pipeline, in its order: ci_file.order. */
struct order_jobs {
    struct order_job *items;
    size_t n;
    const struct ci_job *first; /* of the file's */
    struct order_job **of;      /* by the file's jobs; NULL: it takes no part, and nobody waits for it */
};

/* "the manual job 'deploy' and 2 more"; the caller's. */
char *order_gates_name(const struct order_gates *g);
/* Why it ended without having run, for people; NULL: nothing is to be said. The caller's. */
char *order_reason(const struct order_job *x);

bool job_state_is_end(enum job_state s);
/* What follows from how they stand: each that need not wait any longer is JOB_READY now, or ended without having run.
 * *whole: what all of them that have ended leave behind. Returns whether something has changed. */
bool order_settle(struct order_jobs *jobs, struct order *whole);

#endif
