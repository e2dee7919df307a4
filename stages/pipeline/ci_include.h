/* stages/pipeline/ci_include.h: what the two halves of `include` are to each other: ci_include_entry.c knows which files an
 * entry means, and ci_include.c brings a file into the tree, with all that it includes itself. For them alone: the step is
 * ci_include(), in ci_tree.h. */
#ifndef STAGES_PIPELINE_CI_INCLUDE_H
#define STAGES_PIPELINE_CI_INCLUDE_H

#include "stages/pipeline/ci_rule.h"
#include "stages/pipeline/ci_tree.h"

struct including {
    struct ci_tree *tree;
    const struct ci_world *world;
    bool inputs_only;   /* for `spec: include` */
    struct ci_given given; /* to the files of the entry that is being put in */
    const char *folder; /* where `local` files are: of a copied project; NULL: in the project itself */
    struct rule_world rules;
    struct strvec open; /* from the first file to the one that is read: its includes are being put in */
};

/* Merge the files that one entry means over `sum`: none where its rules do not want them. */
int ci_include_entry(struct including *x, const struct yaml *entry, struct yaml *sum, struct err *e);
/* Merge one file, with all that it includes itself, over `sum`: what others brought. `path` begins at the project's top, or
 * at x->folder; `at` is where it is named. */
int ci_include_file(struct including *x, const struct yaml *at, const char *path, struct yaml *sum, struct err *e);
/* Only a server has it, and there is no copy: 1 when the pipeline is put together without it. */
int ci_include_without(const struct including *x, const struct yaml *at, const char *what, struct err *e);

#endif
