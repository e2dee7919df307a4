/* stages/pipeline/project_files.h: the files of the project whose pipeline it is, as its .gitlab-ci.yml may ask for
 * them: in the work tree, in a commit, or in a test's memory. */
#ifndef STAGES_PIPELINE_PROJECT_FILES_H
#define STAGES_PIPELINE_PROJECT_FILES_H

#include "base/err.h"
#include "base/strvec.h"

#include <stdbool.h>

/* Paths are relative to the project's top folder, without "./". */
struct project_files {
    void *ctx;
    const char *prefix; /* before a path, where a message names a file: "", "/src/app/", "branch:" */
    /* A file's text, the caller's. ERR_NOT_FOUND when there is none. */
    int (*read)(void *ctx, const char *path, size_t max, char **text, size_t *len, struct err *e);
    /* All files, but ignored ones; borrowed. NULL with the error set. */
    const struct strvec *(*list)(void *ctx, struct err *e);
    /* The same of any project by its path, at a branch, tag or commit; NULL: at the end of its default branch. NULL with the
     * error set: they are not here. */
    const struct strvec *(*list_of)(void *ctx, const char *project, const char *ref, struct err *e);
    /* What has changed, against `compare_to` or, without one (NULL), against what the server knows of this branch;
     * borrowed. *known false: nothing to compare with, so that everything counts as changed. NULL with the error
     * set: there is no such revision. */
    const struct strvec *(*changed)(void *ctx, const char *compare_to, bool *known, struct err *e);
};

/* Whether GitLab's pattern (`*` and `?` within a folder, `**` over folders, [a-z], {a,b}) names that path. */
bool path_pattern_matches(const char *pattern, const char *path);
/* The same for an `include`, where GitLab has it otherwise: `*` is anything but a slash, `**` anything, and nothing
 * else is special. */
bool path_wildcard_matches(const char *pattern, const char *path);

#endif
