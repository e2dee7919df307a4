/* stages/pipeline/ref_pattern.h: one entry of `only` and `except`: which pipelines it means. */
#ifndef STAGES_PIPELINE_REF_PATTERN_H
#define STAGES_PIPELINE_REF_PATTERN_H

#include "base/err.h"

#include <stdbool.h>

/* What a pipeline is for. Borrowed. */
struct ref_facts {
    const char *name;    /* of the branch or tag */
    bool is_tag;
    const char *project; /* "group/project" */
    const char *event;   /* stages/pipeline/event.h; NULL: a push */
};

/* An entry is a name, a /regular expression/ (searched for in the name, with flags
 * behind it), `branches`, `tags`, or what started the pipeline: `pushes`, `schedules`.
 * That of a merge request is for no branch: neither names nor expressions mean it.
 * `@group/project` behind it means that project alone. */
bool ref_pattern_matches(const char *pattern, const struct ref_facts *ref);

/* ERR_JOB when it is a regular expression that cannot be understood (stages/pipeline/re2.h). */
int ref_pattern_check(const char *pattern, struct err *e);

#endif
