/* stages/pipeline/ci_files.h: what .gitlab-ci.yml says of the files that outlive a job: caches and artifacts. */
#ifndef STAGES_PIPELINE_CI_FILES_H
#define STAGES_PIPELINE_CI_FILES_H

#include "base/strvec.h"
#include "stages/pipeline/report_kind.h"

#include <stdbool.h>

enum ci_when { WHEN_ON_SUCCESS, WHEN_ON_FAILURE, WHEN_ALWAYS, WHEN_MANUAL, WHEN_DELAYED, WHEN_NEVER };

/* Texts may have $VARIABLES: in paths the helper expands them, elsewhere the runner. */
struct ci_cache {
    char *key;                 /* NULL: GitLab's "default", or by key_files */
    struct strvec key_files;   /* patterns: the key is made of what they name ... */
    bool key_by_commits;       /* ... or of the commits that changed them last */
    char *key_prefix;          /* before that; NULL: none */
    struct strvec fallback_keys;
    struct strvec paths;
    bool untracked;
    char *policy;              /* NULL: pull-push */
    enum ci_when when;         /* of saving it; not WHEN_MANUAL */
};

struct ci_report {
    const struct report_kind *kind;
    struct strvec paths;
};

struct ci_artifacts {
    struct strvec paths;
    struct strvec exclude;
    bool untracked;
    char *name; /* of the archive; NULL: "artifacts" */
    enum ci_when when; /* reports are kept in any case */
    struct ci_report *reports;
    size_t n_reports;
};

void ci_caches_release(struct ci_cache *caches, size_t n);
void ci_artifacts_release(struct ci_artifacts *a);

#endif
