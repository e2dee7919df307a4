/* stages/pipeline/checkout_files.h: a checkout's files, as project_files.h wants them. */
#ifndef STAGES_PIPELINE_CHECKOUT_FILES_H
#define STAGES_PIPELINE_CHECKOUT_FILES_H

#include "stages/pipeline/checkout.h"
#include "stages/pipeline/project_files.h"

struct checkout_files {
    const struct checkout *checkout; /* borrowed, as the environment */
    char *const *env;
    const char *copies; /* of other projects: DIR/project/GROUP/NAME; NULL: none. Borrowed */
    char *prefix;
    struct strvec all; /* read when it is first asked for */
    bool has_all;
    struct checkout_change *changes; /* what was asked for so far */
    size_t n_changes;
    struct checkout_tree *trees; /* the same */
    size_t n_trees;
};

/* `here`: the caller has named no folder, so that files in the current one need no path before their names. */
void checkout_files_init(struct checkout_files *f, const struct checkout *c, bool here, const char *copies, char *const *env);
struct project_files checkout_files(struct checkout_files *f);
void checkout_files_release(struct checkout_files *f);

#endif
