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
};

/* An entry is a name, a /regular expression/ (searched for in the name, with flags
 * behind it), `branches`, `tags`, or what started the pipeline: `pushes`, as far as
 * we are concerned, since a pipeline here is one of a push. `@group/project` behind
 * it means that project alone. */
bool ref_pattern_matches(const char *pattern, const struct ref_facts *ref);

/* ERR_JOB when it is a regular expression that cannot be understood (stages/pipeline/re2.h). */
int ref_pattern_check(const char *pattern, struct err *e);

/* Whether it names what a pipeline here is never started by: `web`, `schedules` … */
bool ref_pattern_is_foreign(const char *pattern);

#endif
