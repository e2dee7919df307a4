/* stages/pipeline/source_modules.h: submodules, from what the checkout has of them: nothing is fetched. */
#ifndef STAGES_PIPELINE_SOURCE_MODULES_H
#define STAGES_PIPELINE_SOURCE_MODULES_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

struct source;

struct source_module {
    char *name;   /* in .gitmodules */
    char *parent; /* the folder of the submodule that it is in; "": the project's own */
    char *path;   /* of its folder, in there */
    char *store;  /* its repository, below the job's; NULL: the checkout has none with the commit */
};

struct source_modules {
    struct source_module *items; /* each after the one that it is in */
    size_t n;
};

/* Put a bare repository of each into `store`, which holds the project's: those that the commit names, and with
 * `recursive` those in them. The commit is the end of its only branch. */
int source_modules_fill(const struct source *s, const char *store, bool recursive, struct source_modules *out, struct err *e);
void source_modules_release(struct source_modules *m);

/* Copy the Git LFS objects of the repository in this folder, where there are any, to where git-lfs looks for them when a
 * job fetches from `store`. */
int source_lfs_copy(const struct source *s, const char *repository, const char *store, struct err *e);

#endif
