/* stages/pipeline/pipeline_state.h: a pipeline under way: what pipeline.c and running.c share, and nobody else sees. */
#ifndef STAGES_PIPELINE_PIPELINE_STATE_H
#define STAGES_PIPELINE_PIPELINE_STATE_H

#include "stages/pipeline/job_run.h"
#include "stages/pipeline/pipeline.h"
#include "stages/pipeline/project.h"
#include "stages/pipeline/slot.h"

/* What became of one job of the file. */
struct entry {
    const struct ci_job *job;
    struct order_job *turn; /* its state, and why it did not run */
    struct job_outcome outcome;
    struct job_left left;
    bool has_left; /* it ran, and ended */
    bool told;     /* how it ended was shown */
    size_t number; /* of those that ran the how manieth; 0: it did not */
    int64_t tries; /* further ones, by its `retry` */
    int64_t due;   /* delayed: when it may start, by clock_ms(); 0: not known yet */
    char *group;   /* its resource_group; NULL: none */
    bool told_group; /* that it waits for it was shown */
    int64_t started_ms;
    int64_t ms; /* -1: it did not run */
};

struct pipeline {
    const struct pipeline_options *options;
    struct project project;
    char *state; /* folder of locks */
    struct slot slot;
    struct source source;
    struct snapshot snapshot;
    struct record record; /* for --timeline */
    struct pipeline_facts facts;
    struct cancel cancel;
    struct hook_driver driver;
    char *config; /* absolute: hooks start in a folder of their own */
    struct report report;
    struct entry *entries; /* the jobs that take part, stage by stage */
    struct order_jobs order; /* the same: by the same numbers */
    size_t n;
    size_t most; /* so many at once */
    int64_t started_ms;
};

const char *pipeline_temporary(const struct pipeline *p);
/* A number that no other pipeline or job on this machine has. It grows, and fits a JSON number. */
int pipeline_new_id(int64_t *out, struct err *e);

/* One line when a job changes its state. */
void pipeline_tell(struct pipeline *p, const struct entry *x, const char *text, enum report_style style);
void pipeline_tell_end(struct pipeline *p, struct entry *x);
/* The table at the end; of a child pipeline, for its parent's: five cells a job. */
void pipeline_tell_all(struct pipeline *p);
/* The last line, and the exit status. */
int pipeline_conclude(struct pipeline *p, const struct order *order);

/* Take all jobs to their ends. *whole: what they leave behind. */
void pipeline_run_jobs(struct pipeline *p, struct order *whole);

#endif
