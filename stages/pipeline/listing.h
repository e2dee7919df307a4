/* stages/pipeline/listing.h: what the jobs of a pipeline are, for people and for programs. */
#ifndef STAGES_PIPELINE_LISTING_H
#define STAGES_PIPELINE_LISTING_H

#include "stages/pipeline/ci_file.h"
#include "stages/pipeline/report.h"

/* One line a job, in the order in which they run. */
void listing_table(struct report *r, const struct ci_file *f, const struct ci_job *const *jobs, size_t n);
/* The same as a JSON array, for scripts; the caller's. */
char *listing_json(const struct ci_file *f, const struct ci_job *const *jobs, size_t n);

#endif
