/* stages/pipeline/history.h: where a shortened history ends, and which tags are in it. */
#ifndef STAGES_PIPELINE_HISTORY_H
#define STAGES_PIPELINE_HISTORY_H

#include "base/strvec.h"

/* What `commits` below has of each. */
#define HISTORY_FORMAT "%H %P%x09%D"

/* `commits` is what `git log --decorate=full` says from one commit on, the newest first: a line for each, its name and
 * those of its parents, a tab, and "tag: refs/tags/…" for each tag of it (others' names are passed over); it is changed.
 * Appends to `ends` the names of those that `depth` leaves without their parents, which is what .git/shallow has a line for
 * each of (gitrepository-layout(5)), and to `tags` those of what it leaves. False when a commit is missing in the text
 * that is needed to tell: then it names none, and more of the list is needed. */
bool history_read(char *commits, int depth, struct strvec *ends, struct strvec *tags);

#endif
