/* stages/pipeline/ci_file.h: .gitlab-ci.yml, read into jobs. */
#ifndef STAGES_PIPELINE_CI_FILE_H
#define STAGES_PIPELINE_CI_FILE_H

#include "base/err.h"
#include "base/strvec.h"
#include "stages/pipeline/ci_files.h"
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
    char *tier;
};

struct ci_job {
    char *name;
    size_t stage; /* index into ci_file.stages */
    enum ci_when when;
    bool allow_failure;
    int *allowed_codes; /* only these exit codes may fail; NULL: any */
    size_t n_allowed_codes;
    struct ci_image image;
    struct ci_service *services;
    size_t n_services;
    bool has_only;
    struct strvec only;   /* stages/pipeline/ref_pattern.h */
    struct strvec except;
    struct ci_environment environment;
    struct variables variables; /* the job's own, without the global ones */
    struct strvec script;       /* before_script and script */
    struct strvec after_script;
    struct ci_cache *caches;
    size_t n_caches;
    struct ci_artifacts artifacts;
    bool has_dependencies; /* without: all jobs of earlier stages */
    struct strvec dependencies;
};

struct ci_file {
    struct strvec stages; /* .pre and .post included */
    struct variables variables;
    struct ci_job *jobs; /* in the file's order; hidden ones are left out */
    size_t n;
    struct strvec warnings; /* "FILE:LINE:COLUMN: …": keywords without effect */
};

#define CI_FILE_INIT { STRVEC_INIT, VARIABLES_INIT, NULL, 0, STRVEC_INIT }

/* `w`: what it may include; NULL: nothing. ERR_JOB says "FILE:LINE:COLUMN: problem; what to do". */
int ci_file_parse(const char *name, const char *text, size_t len, const struct ci_world *w, struct ci_file *out,
                  struct err *e);
void ci_file_release(struct ci_file *f);

/* Whether the job belongs in the pipeline of this branch or tag, by its `only` and `except`. */
bool ci_job_is_for(const struct ci_job *job, const struct ref_facts *ref);

const char *ci_when_name(enum ci_when when);

#define auto_ci_file __attribute__((cleanup(ci_file_release))) struct ci_file

#endif
