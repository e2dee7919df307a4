/* stages/pipeline/ci_file.h: .gitlab-ci.yml, read into jobs. */
#ifndef STAGES_PIPELINE_CI_FILE_H
#define STAGES_PIPELINE_CI_FILE_H

#include "base/err.h"
#include "base/strvec.h"
#include "stages/pipeline/ci_files.h"
#include "stages/pipeline/ci_rule.h"
#include "stages/pipeline/ci_tree.h"
#include "stages/pipeline/ref_pattern.h"
#include "stages/variables.h"

#include <stdbool.h>

struct ci_image {
    char *name;               /* NULL: whatever this machine's configuration says */
    bool has_entrypoint;      /* [""] clears the image's own, absent keeps it */
    struct strvec entrypoint;
    struct strvec pull_policy; /* empty: whatever this machine's configuration says */
    char *platform;            /* docker: below it; NULL: not given */
    char *user;
};

struct ci_service {
    struct ci_image image;
    char *alias; /* one or several, by blank or comma; NULL: the image's name */
    struct strvec command;
    struct variables variables; /* for it alone */
};

struct ci_environment {
    char *name; /* NULL: the job deploys nothing. May have $VARIABLES */
    char *url;
    char *action;
    char *on_stop; /* the job that stops it */
    char *tier;
};

struct ci_retry {
    int64_t max; /* further tries */
    struct strvec when; /* empty: always */
    int *codes; /* of a script; NULL: any */
    size_t n_codes;
};

/* A pipeline in place of a script. Borrowed from the tree. */
struct ci_trigger {
    bool given;
    const struct yaml *include; /* what it is made of; NULL: another project's pipeline, which is none of ours */
    const char *artifact, *generator; /* instead: a file that this job leaves */
    const struct yaml *inputs;  /* of that file */
    bool waits;                 /* `strategy`: its state is the job's */
    bool forwards_yaml, forwards_pipeline;
};

/* `only` or `except`, beside their branches and tags. */
struct ci_policy {
    struct strvec variables; /* conditions: one must hold */
    struct strvec changes;   /* patterns: one must have changed */
};

/* What it waits for, worked out. */
struct ci_needed {
    const struct ci_job *job;
    bool artifacts;
};

struct ci_job {
    char *name;
    char *base;               /* its name in the file: without " 1/3" or ": [a, b]" */
    const struct yaml *at;    /* as the file has it */
    size_t node, nodes;       /* which of how many parallel ones, from 1 on; 0 of 0: it is not parallel */
    /* By stages/pipeline/choice.h: */
    bool left_out;            /* not in this pipeline */
    const struct ci_needs *chosen_needs; /* of the rule that holds; NULL: its own */
    bool by_needs;            /* it waits for these, not for earlier stages */
    struct ci_needed *needed;
    size_t n_needed;

    size_t stage; /* index into ci_file.stages */
    enum ci_when when;
    int64_t start_in;     /* seconds; WHEN_DELAYED */
    char *resource_group; /* of its jobs one runs at a time; NULL: none. May have $VARIABLES */
    bool allow_failure;
    int *allowed_codes; /* only these exit codes may fail; NULL: any */
    size_t n_allowed_codes;
    struct ci_image image;
    struct ci_service *services;
    size_t n_services;
    bool has_only;
    struct strvec only;   /* stages/pipeline/ref_pattern.h */
    struct strvec except;
    struct ci_policy only_policy, except_policy;
    struct ci_rules rules;
    struct ci_needs needs;
    struct ci_retry retry;
    int64_t timeout; /* seconds; 0: none is said */
    char *coverage;  /* "/expression/"; NULL: none */
    struct ci_environment environment;
    struct variables variables; /* the job's own, without the global ones */
    bool inherits_some;         /* of the global ones only `inherited` */
    struct strvec inherited;
    struct strvec pre_get_sources; /* script */
    char *barred;               /* why it cannot run here: "FILE:LINE:COLUMN: …"; NULL: it can */
    struct ci_trigger trigger;
    struct strvec script;       /* before_script and script; none only of a barred one, or with a trigger */
    struct strvec after_script;
    struct ci_cache *caches;
    size_t n_caches;
    struct ci_artifacts artifacts;
    bool has_dependencies; /* without: all jobs of earlier stages */
    struct strvec dependencies;
};

struct ci_file {
    struct ci_tree tree; /* what it was read from, composed */
    struct ci_rules workflow; /* whether there is a pipeline at all */
    char *name;               /* workflow:name; may have $VARIABLES */
    struct ci_auto_cancel auto_cancel; /* its own, or by stages/pipeline/choice.h that of the rule that holds */
    struct strvec stages; /* .pre and .post included */
    struct variables variables;
    struct ci_job *jobs; /* in the file's order; hidden ones are left out */
    size_t n;
    size_t weight; /* bytes that they take, about */
    struct ci_job **by_base; /* the same, sorted by their names in the file */
    struct ci_job **by_name;
    const struct ci_job **order; /* the pipeline's: stages/pipeline/choice.h */
    size_t n_order;
    struct strvec warnings; /* "FILE:LINE:COLUMN: …": keywords without effect */
};

#define CI_FILE_INIT { .n = 0 }

/* `w`: what it may include; NULL: nothing. ERR_JOB says "FILE:LINE:COLUMN: problem; what to do". */
int ci_file_parse(const char *name, const char *text, size_t len, const struct ci_world *w, struct ci_file *out,
                  struct err *e);
/* The same, but with all that is wrong in it, one text a problem, where others would only hear of the first. */
int ci_file_check(const char *name, const char *text, size_t len, const struct ci_world *w, struct ci_file *out,
                  struct strvec *problems);
void ci_file_release(struct ci_file *f);

/* The jobs of a name: the one, or all that a parallel one became; *n 0: there is none. */
struct ci_job *const *ci_file_named(const struct ci_file *f, const char *name, size_t *n);
/* The job's name that somebody may have meant by this one, or NULL. */
const char *ci_file_nearest(const struct ci_file *f, const char *name);
/* The same for a message of many: NULL also when nobody looks (ci_tree_seeks()). */
const char *ci_file_meant(const struct ci_file *f, const char *name);
/* Whether it is among the names (NULL-terminated, or NULL): its own, or that of the parallel job that it is one of. */
bool ci_job_is_named(const struct ci_job *job, const char *const *names);
/* The file's variables that the job has. */
void ci_job_globals(const struct ci_file *f, const struct ci_job *job, struct variables *out);

/* Whether the job belongs in the pipeline of this branch or tag, by the branches and tags of its `only` and `except`. */
bool ci_job_is_for(const struct ci_job *job, const struct ref_facts *ref);

const char *ci_when_name(enum ci_when when);

#define auto_ci_file __attribute__((cleanup(ci_file_release))) struct ci_file

#endif
