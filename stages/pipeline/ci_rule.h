/* stages/pipeline/ci_rule.h: `rules`: of a list of conditions, the first that holds decides. */
#ifndef STAGES_PIPELINE_CI_RULE_H
#define STAGES_PIPELINE_CI_RULE_H

#include "base/yaml.h"
#include "stages/pipeline/ci_files.h"
#include "stages/pipeline/expression.h"
#include "stages/pipeline/path_answers.h"
#include "stages/pipeline/project_files.h"
#include "stages/variables.h"

#include <stdbool.h>
#include <stdint.h>

/* The jobs that one job of the file becomes. */
struct ci_instance {
    char *name;
    struct variables variables; /* of the matrix */
};
struct ci_parallel {
    struct ci_instance *items;
    size_t n; /* 0: it is not parallel */
};

/* What a job waits for. */
struct ci_need {
    char *name; /* as it is written: that of a parallel job means all of its jobs */
    bool optional;
    bool artifacts;
    struct ci_parallel matrix; /* of those only the ones with these names, or variables; none: all */
    const struct yaml *at;
};

/* A job of the pipeline that this one is a child of, for its artifacts. Borrowed from the tree. */
struct ci_outer_need {
    const char *pipeline; /* its id: mostly a $VARIABLE */
    const char *job;
};

struct ci_needs {
    bool given; /* `needs: []` waits for nothing; without any, a job waits for the stages before it */
    struct ci_need *items;
    size_t n;
    struct ci_outer_need *outer;
    size_t n_outer;
    size_t n_projects, n_pipelines; /* how many are of other projects, and of other pipelines of this one */
};

/* What ends a pipeline early. */
struct ci_auto_cancel {
    bool given;      /* else what is said elsewhere holds */
    bool by_failure; /* a failed job ends all */
};

struct ci_rule {
    const struct yaml *at;
    char *condition; /* stages/pipeline/expression.h; NULL: none */
    bool has_changes, has_exists;
    struct strvec changes; /* patterns of paths */
    char *compare_to;      /* NULL: what the server knows of the branch */
    struct strvec exists;
    char *exists_project, *exists_ref; /* NULL: the files that jobs get */
    /* What follows when it holds. */
    bool has_when, has_allow_failure;
    enum ci_when when;
    int64_t start_in; /* seconds; WHEN_DELAYED */
    bool allow_failure;
    struct variables variables;
    struct ci_needs needs;
    struct ci_auto_cancel auto_cancel; /* of a rule of `workflow` */
};

struct ci_rules {
    bool given;
    struct ci_rule *items;
    size_t n;
};

/* What rules are judged by. */
struct rule_world {
    const struct project_files *files; /* borrowed; NULL: none exist, and all count as changed */
    bool unknown_changes; /* set when there was nothing to compare with */
    struct path_answers answers; /* so far: to be released */
};

/* *out: the first that holds, or NULL. */
int ci_rules_choose(const struct ci_rules *rules, struct rule_world *w, const struct expression_scope *scope,
                    const struct ci_rule **out, struct err *e);
/* Whether one of the paths has changed, or is there. */
int ci_paths_changed(const struct strvec *patterns, const char *compare_to, struct rule_world *w,
                     const struct expression_scope *scope, bool *out, struct err *e);

void ci_needs_release(struct ci_needs *needs);
void ci_rules_release(struct ci_rules *rules);

#endif
