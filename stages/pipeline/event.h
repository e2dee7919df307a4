/* stages/pipeline/event.h: what a pipeline was started by: CI_PIPELINE_SOURCE. Pure. In all of these NULL stands for a
 * push. */
#ifndef STAGES_PIPELINE_EVENT_H
#define STAGES_PIPELINE_EVENT_H

#include "base/err.h"

#include <stdbool.h>

#define EVENT_MERGE_REQUEST   "merge_request_event"
#define EVENT_PARENT_PIPELINE "parent_pipeline"

/* ERR_USAGE, with the names that there are, when it is none. */
int event_check(const char *event, struct err *e);
/* As CI_PIPELINE_SOURCE has it. */
const char *event_name(const char *event);
/* Whether something was pushed, so that a server knows what has changed, for this pipeline or for one that it is
 * a child of. */
bool event_has_push(const char *event);
bool event_is_merge_request(const char *event);

/* Whether a word of `only` and `except` means it: `schedules` or `schedule`. */
bool event_is_meant(const char *event, const char *word);
/* The event other than a push that such a word means; NULL: none. Static. */
const char *event_of_word(const char *word);

#endif
