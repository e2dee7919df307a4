/* stages/pipeline/refspec.h: which references `git fetch` makes of those that a repository has. */
#ifndef STAGES_PIPELINE_REFSPEC_H
#define STAGES_PIPELINE_REFSPEC_H

#include "base/strvec.h"

/* `offered` has a line "<object> <reference>" for each. Appends such lines, without their ends, with the names that they
 * get by "+FROM:TO": both are names, or both end with `*`. In the refspecs' order; what two of them name comes twice. */
void refspecs_apply(const struct strvec *refspecs, const char *offered, struct strvec *out);

#endif
