/* cache/select/walk.h: the files that a path or a pattern names in a project's folder.
 *
 * Nothing is named by a path below the folder: each step goes from an open folder to an entry
 * in it without following links, so that a folder that is replaced by a link meanwhile leads
 * nowhere. Links are followed only in the part of a pattern before its first *, ?, [ or {, and
 * only to folders that lie in the project. */
#ifndef CACHE_SELECT_WALK_H
#define CACHE_SELECT_WALK_H

#include "base/err.h"

/* Gets each entry, a folder before what is in it, in no other order. `name` is relative ("." is
 * the folder itself). `times` is how often the pattern finds it: an entry is found by itself and
 * once more by every folder above it that matches as well. */
typedef void walk_fn(void *ctx, const char *name, size_t len, unsigned times);

/* All that `pattern` (relative, clean: no ".", "..", "//") matches below the folder `root`, and
 * all that is in matching folders. What vanishes or cannot be read meanwhile is left out.
 * ERR_JOB: the pattern is wrong, it leads out of the folder by a link, or the tree is deeper
 * than WALK_DEPTH. ERR_SYSTEM: too many files are open. All the rest has been told even so. */
enum { WALK_DEPTH = 400 };
int walk_pattern(int root, const char *pattern, walk_fn *found, void *ctx, struct err *e);

#endif
