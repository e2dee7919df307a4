/* executor/job_folder.h: what a job has in the root of the builds besides its work tree: "<builds>/<what>/<its key>".
 *
 * `what` begins with a dot, as no runner's folder does. A key may come from a label, which others can write too: one
 * that could lead elsewhere has no folder. */
#ifndef EXECUTOR_JOB_FOLDER_H
#define EXECUTOR_JOB_FOLDER_H

#include "executor/config.h"

#include <sys/stat.h>

/* The path; the caller's. */
char *job_folder(const struct config *c, const char *what, const char *key);
/* Make the folder of all of them, ours alone: it fails where somebody else made it or may go into it. */
int job_folder_make_root(const struct config *c, const char *what, struct err *e);
/* Gone is fine. */
int job_folder_remove(const struct config *c, const char *what, const char *key, struct err *e);
/* Add the keys of those that are of that type (S_IFDIR, and S_IFREG or S_IFLNK for what has a file or a link instead of a
 * folder), and were last changed until then (seconds since the epoch), each once. */
void job_folder_list(const struct config *c, const char *what, mode_t type, int64_t before, struct strvec *keys);

#endif
