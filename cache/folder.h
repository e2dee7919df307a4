/* cache/folder.h: where on the host a project's local caches lie.
 *
 * One folder for all concurrency slots of a runner, so that two jobs at once share
 * what they cached; apart by runner and project, and by whether the ref is
 * protected, so that a branch that anybody may push to cannot plant something in
 * what a protected branch reads. gitlab-runner appends the project's path and the
 * key (contract 4.2). */
#ifndef CACHE_FOLDER_H
#define CACHE_FOLDER_H

#include <stdbool.h>

/* `runner` and `project` are single path elements without a dot. The result is the caller's. */
char *cache_folder(const char *root, const char *runner, const char *project, bool protected_ref);

#endif
