/* stages/pipeline/pipeline.h: `atelier pipeline`: a project's pipeline on this machine, without a GitLab.
 *
 * It plays both server and runner: makes the jobs from .gitlab-ci.yml and takes
 * each through the four hooks, which it starts as processes. */
#ifndef STAGES_PIPELINE_PIPELINE_H
#define STAGES_PIPELINE_PIPELINE_H

#include "base/err.h"

#include <stdbool.h>

struct pipeline_options {
    const char *program;        /* path of the atelier binary to start as hooks */
    const char *config;         /* --config FILE to hand on to the hooks; NULL: none */
    const char *directory;      /* the checkout; NULL: the current folder */
    const char *branch;         /* whose pipeline it is; NULL: the branch that is checked out */
    const char *tag;            /* the same of a tag; NULL: none */
    const char *event;          /* CI_PIPELINE_SOURCE; NULL: a push */
    const char *const *jobs;    /* names to run, NULL-terminated; NULL or empty: all that `when` allows */
    const char *const *manual;  /* manual jobs to run when it is their turn, NULL-terminated; NULL or empty: none */
    const char *stage;          /* the jobs of this stage as well; NULL: none */
    bool needs;                 /* with the jobs that they wait for */
    size_t side_by_side;        /* so many jobs at once, at least 1 */
    bool no_wait;               /* delayed jobs start at once */
    const struct strvec *inputs; /* "NAME=VALUE" each, of the file's `spec` */
    const char *copies;         /* folder of what `include` takes from servers; NULL: none */
    const char *variables_file; /* .env style, or NULL */
    bool list;                  /* print the jobs, run nothing */
    bool json;                  /* the same as JSON */
    const char *graph;          /* draw the jobs, run nothing: "" on stdout, else into this file as SVG; NULL: do not */
    const char *timeline;       /* a file that becomes a page of how the run went; NULL: none */
    bool shell_on_failure;      /* open one in the container of a job whose script failed */
    bool has_terminal;          /* there is somebody to type into it */
    const struct pipeline_child *child; /* it is one: stages/pipeline/child.h. NULL: it is the project's own */
    bool preview;               /* print the file as it is put together, run nothing */
    bool colour;                /* stdout is a terminal and NO_COLOR is unset */
    int interrupt_fd;           /* base/interrupt.h */
    char *const *env;           /* our environment */
};

/* Writes to stdout. Returns the exit status of the pipeline: 0 when all jobs that
 * count passed, 1 when one failed, 128 + signal when it was interrupted; negative
 * with err set when it could not run at all. */
int pipeline_run(const struct pipeline_options *o, struct err *e);

#endif
