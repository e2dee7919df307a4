/* stages/pipeline/listing.h: what the jobs of a pipeline are, for people and for programs. */
#ifndef STAGES_PIPELINE_LISTING_H
#define STAGES_PIPELINE_LISTING_H

#include "stages/pipeline/project.h"
#include "stages/pipeline/report.h"

/* All borrowed. */
struct listing {
    const struct project *project;
    const struct ci_job *const *jobs; /* of its file, in the order in which they run */
    size_t n;
    const char *prefix; /* before their names: "" or "child/" */
    const struct listing *const *children; /* by the jobs: the pipelines that they stand for; NULL: none is known */
};

/* One line a job; below a job with a child pipeline, the jobs of that. */
void listing_table(struct report *r, const struct listing *l);
/* The same as a JSON array, for scripts; the caller's. */
char *listing_json(const struct listing *l);

#endif
