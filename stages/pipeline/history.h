/* stages/pipeline/history.h: where a shortened history ends. */
#ifndef STAGES_PIPELINE_HISTORY_H
#define STAGES_PIPELINE_HISTORY_H

#include "base/strvec.h"

/* `commits` is what `git rev-list --parents` says from one commit on, the newest first: a line for each, its name and
 * those of its parents; it is changed. Appends the names of those that `depth` leaves without their parents, which is
 * what .git/shallow has a line for each of (gitrepository-layout(5)). False when a commit is missing in the text
 * that is needed to tell: then it names none, and more of the list is needed. */
bool history_ends(char *commits, int depth, struct strvec *out);

#endif
