/* cache/helper/selection.h: the options that say which files are meant, for caches and artifacts alike (contract 3.3). */
#ifndef CACHE_HELPER_SELECTION_H
#define CACHE_HELPER_SELECTION_H

#include "cache/helper/helper.h"

struct selection {
    struct strvec paths, excludes;
    bool untracked, verbose;
};

/* Rows of a command's flags; `base` is the offset of its struct selection. */
#define SELECTION_FLAGS(base)                                                                                          \
    { "path", NULL, NULL, FLAG_LIST, (base) + offsetof(struct selection, paths), "a file, folder or pattern" },        \
    { "exclude", NULL, NULL, FLAG_LIST, (base) + offsetof(struct selection, excludes), "a pattern of what is not" },   \
    { "untracked", NULL, NULL, FLAG_SWITCH, (base) + offsetof(struct selection, untracked), "all that git does not track" }, \
    { "verbose", NULL, NULL, FLAG_SWITCH, (base) + offsetof(struct selection, verbose), "has no effect" }

/* Variables in the rules are expanded; the names, sorted, are appended to `names`. `root` is the current folder, the caller's. */
int selection_make(const struct helper *h, struct selection *s, char **root, struct strvec *names, struct err *e);

#endif
