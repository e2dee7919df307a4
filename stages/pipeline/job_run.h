/* stages/pipeline/job_run.h: one job, from its variables to its cleanup, as gitlab-runner takes it through. */
#ifndef STAGES_PIPELINE_JOB_RUN_H
#define STAGES_PIPELINE_JOB_RUN_H

#include "stages/pipeline/hook.h"
#include "stages/pipeline/job_left.h"
#include "stages/pipeline/order.h"
#include "stages/pipeline/predefined.h"
#include "stages/pipeline/record.h"
#include "stages/pipeline/report.h"
#include "stages/pipeline/snapshot.h"
#include "stages/pipeline/source.h"
#include "stages/pipeline/variable_files.h"

struct pipeline_options;

/* What the jobs of a pipeline have in common. All borrowed. */
struct job_world {
    const struct pipeline_options *options;
    const struct ci_file *file;
    const struct pipeline_facts *facts;
    struct source *source; /* its store is made by the first job that fetches */
    const struct snapshot *snapshot;
    const struct variables *project_variables;   /* stages/pipeline/project.h */
    const struct scoped_variables *kept;         /* of files, for the job's environment ... */
    size_t n_kept;                               /* ... in the place of this many of those */
    const struct hook_driver *driver;
    const char *temporary;
    struct report *report;
    const struct record *record; /* for --timeline; NULL: none */
    const struct job_left *left; /* by the jobs that ended before, in the pipeline's order */
    size_t n_left;
    bool only_files; /* the job's artifacts are all that is wanted of it: stages/pipeline/child.c */
    size_t number; /* of those that ran so far the how manieth it is: part of where its artifacts lie */
};

struct job_outcome {
    enum job_state state; /* JOB_PASSED, JOB_FAILED, JOB_WARNED or JOB_CANCELED */
    char *reason;         /* NULL when it passed; masked */
    const char *failure;  /* GitLab's word for what went wrong: "script_failure"; static, or NULL */
    int code;             /* of the script that failed; -1 */
    char coverage[16];    /* the number that its `coverage` found; "": none */
};

/* Whatever goes wrong is the job's outcome. `id` is its CI_JOB_ID; *left is the caller's to release. */
void job_run(const struct job_world *w, const struct ci_job *job, int64_t id, struct job_left *left,
             struct job_outcome *out);

#endif
