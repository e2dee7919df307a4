/* stages/pipeline/path_answers.h: whether any of a project's paths is what a pattern of `rules` names. Jobs have most of
 * their patterns in common, so each answer is found once. */
#ifndef STAGES_PIPELINE_PATH_ANSWERS_H
#define STAGES_PIPELINE_PATH_ANSWERS_H

#include "base/strvec.h"

#include <stdbool.h>
#include <stddef.h>

struct path_answers {
    void *known; /* tsearch(3) */
    size_t room_used;
};

#define PATH_ANSWERS_INIT { NULL, 0 }

/* `paths` stays as it is until the release. A pattern with a slash at its end names a folder. */
bool path_answers_any(struct path_answers *a, const char *pattern, const struct strvec *paths);
void path_answers_release(struct path_answers *a);

#endif
