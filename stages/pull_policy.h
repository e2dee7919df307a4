/* stages/pull_policy.h: when an image is pulled, and what the host's owner lets a job say of it. */
#ifndef STAGES_PULL_POLICY_H
#define STAGES_PULL_POLICY_H

#include "base/err.h"
#include "base/strvec.h"

#include <stdbool.h>

#define PULL_ALWAYS         "always"
#define PULL_IF_NOT_PRESENT "if-not-present"
#define PULL_NEVER          "never"

bool pull_policy_is_one(const char *text);

/* The policies to get `image` by, in order: those of the job, else those of the host, as far as they are allowed.
 * An empty `allowed` (or NULL) means the host's. When none is left: ERR_JOB if the job chose them, ERR_CONFIG if the
 * owner did. */
int pull_policy_choose(const char *image, const struct strvec *of_job, const struct strvec *of_host,
                       const struct strvec *allowed, struct strvec *out, struct err *e);

/* "[always never]", as the docker executor writes lists; the caller's. */
char *pull_policy_list(const struct strvec *policies);

#endif
