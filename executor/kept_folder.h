/* executor/kept_folder.h: the build folder of a failed job that is kept.
 *
 * The next job of its slot would work in it. So it moves to `builds/.kept/<key>`, and that job gets a new one; the kept
 * containers have it mounted as they had, for a mount goes by the folder and not by its name. */
#ifndef EXECUTOR_KEPT_FOLDER_H
#define EXECUTOR_KEPT_FOLDER_H

#include "executor/host.h"

/* Nothing when there is none, or builds are in the daemon's volumes. */
int kept_folder_take(const struct host *h, char *const *env, struct err *e);
/* Remove it, when the containers of the job of that key are gone. */
int kept_folder_remove(const struct config *c, const char *key, struct err *e);
/* The keys of the jobs whose folder is there. */
void kept_folder_list(const struct config *c, struct strvec *keys);

#endif
