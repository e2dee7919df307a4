/* stages/pipeline/project.h: a checkout with its .gitlab-ci.yml: which pipeline a server would make of it. */
#ifndef STAGES_PIPELINE_PROJECT_H
#define STAGES_PIPELINE_PROJECT_H

#include "stages/pipeline/checkout_files.h"
#include "stages/pipeline/ci_file.h"
#include "stages/pipeline/variable_files.h"

#define CI_FILE ".gitlab-ci.yml"

struct project {
    struct checkout checkout;
    struct checkout_files files;
    struct ci_file file;
    struct variables variables; /* of the user's variable files, for all environments, and of --variables */
    struct scoped_variables kept;  /* of these files, with those for some environments */
    size_t n_kept;                 /* how many of `variables` are of these files */
    struct strvec notes;           /* what is to be said of these files */
    struct variables server;    /* what a server knows before it reads the file, as it sends it */
    struct variables known;     /* the same with --variables, resolved */
    bool unknown_changes;       /* stages/pipeline/choice.h */
    char *pipeline_name;        /* by `workflow`, for people; NULL: none */
};

/* Where it is. All borrowed. */
struct project_place {
    const char *directory;      /* NULL: the current folder */
    const char *branch;         /* as checkout_open() has it */
    const char *tag;            /* the same of a tag; NULL: none */
    const char *event;          /* stages/pipeline/event.h; NULL: a push */
    const char *variables_file; /* .env style; NULL: none */
    const char *copies;         /* stages/pipeline/ci_tree.h; NULL: none */
    bool goes_without;          /* the same: what is missing of it is said, and no error */
    const struct pipeline_child *child; /* stages/pipeline/child.h: its file and variables; NULL: it is none */
    const struct strvec *inputs; /* "NAME=VALUE" each, of its file; NULL: none */
    const char *file;           /* another one in the place of .gitlab-ci.yml, as the caller sees it; NULL: none */
    char *const *env;
};

int project_open(const struct project_place *place, struct project *out, struct err *e);
/* The child pipeline that place->child says, of a job of `parent` or of one of its children: the same checkout and kept
 * variables, which are borrowed. Then `out` must stay where it is, and project_close_child() is for it. */
int project_open_child(const struct project *parent, const struct project_place *place, struct project *out, struct err *e);
void project_close_child(struct project *p);
/* The same, but with all that is wrong in its file, one text a problem. Negative only when it is not there. */
int project_check(const struct project_place *place, struct project *out, struct strvec *problems, struct err *e);
/* Which jobs are in the pipeline of its branch or tag: ERR_JOB when there are none, ERR_USAGE when one of these names
 * (NULL-terminated, or NULL) is none of theirs. */
int project_choose(struct project *p, const char *const *names, struct err *e);
/* For other names, after that. */
int project_check_names(const struct project *p, const char *const *names, struct err *e);
void project_release(struct project *p);

#endif
