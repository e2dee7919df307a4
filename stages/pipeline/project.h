/* stages/pipeline/project.h: a checkout with its .gitlab-ci.yml: which pipeline a server would make of it. */
#ifndef STAGES_PIPELINE_PROJECT_H
#define STAGES_PIPELINE_PROJECT_H

#include "stages/pipeline/checkout_files.h"
#include "stages/pipeline/ci_file.h"

#define CI_FILE ".gitlab-ci.yml"

struct project {
    struct checkout checkout;
    struct checkout_files files;
    struct ci_file file;
    struct variables variables; /* of --variables */
    struct variables server;    /* what a server knows before it reads the file, as it sends it */
    struct variables known;     /* the same with --variables, resolved */
    bool unknown_changes;       /* stages/pipeline/choice.h */
    char *pipeline_name;        /* by `workflow`, for people; NULL: none */
};

/* Read all of it. `branch` as checkout_open() has it; `variables_file` may be NULL. */
int project_open(const char *directory, const char *branch, const char *variables_file, char *const *env,
                 struct project *out, struct err *e);
/* Which jobs are in the pipeline of its branch or tag: ERR_JOB when there are none. */
int project_choose(struct project *p, struct err *e);
/* Whether there are jobs of these names (NULL-terminated, or NULL) in it. ERR_USAGE. */
int project_check_names(const struct project *p, const char *const *names, struct err *e);
void project_release(struct project *p);

#endif
