/* stages/pipeline/choice.h: which jobs of a file belong in a pipeline, and in which order they come. Pure, but for
 * what it asks of the project's files. */
#ifndef STAGES_PIPELINE_CHOICE_H
#define STAGES_PIPELINE_CHOICE_H

#include "stages/pipeline/ci_file.h"

/* What a server knows when it makes a pipeline. All borrowed. */
struct choice_world {
    const struct ref_facts *ref;
    const struct project_files *files;
    const struct variables *server;  /* what is predefined, as GitLab sends it: not expanded */
    const struct variables *project; /* what wins over the file's */
    bool unknown_changes; /* set: `changes` were asked for, and there was nothing to compare with */
};

/* Judge the rules of the workflow and of each job: what is not in this pipeline is marked as left out, the other
 * jobs become what their rule says. ERR_JOB when there is no pipeline by `workflow`, or when a job that is in it
 * needs one that is not. */
int choice_make(struct ci_file *f, struct choice_world *w, struct err *e);

/* The order if all jobs of the file were in: whether their needs lead in a circle. */
int choice_check(struct ci_file *f, struct err *e);

/* The jobs of the pipeline, stage by stage, and each after those that it needs: f->order. Part of choice_make().
 * ERR_JOB when they need each other. */
int choice_order(struct ci_file *f, struct err *e);

#endif
