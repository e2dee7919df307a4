/* stages/job_values.h: the values of a job's variables, for what the host itself does with them.
 *
 * Scripts and containers get them by other ways (stages/job.h); here is what a deploy needs, whose secrets no script
 * of the job may have. */
#ifndef STAGES_JOB_VALUES_H
#define STAGES_JOB_VALUES_H

#include "stages/variables.h"

#include <stddef.h>

/* Append the job's variables, each once, expanded, with their flags. They are those of the response file; what
 * gitlab-runner fetched itself (`secrets:`) is of the hook's environment. ERR_SYSTEM without a response file, which a
 * runner before 14.1 does not write. */
int job_values(char *const *env, struct variables *out, struct err *e);
/* The same from text, for tests. */
int job_values_text(const char *text, size_t len, char *const *env, struct variables *out, struct err *e);

#endif
