/* stages/pipeline/ci_idle.h: keywords that have no effect here, or bar their job. What GitLab would refuse of them is wrong
 * here too. */
#ifndef STAGES_PIPELINE_CI_IDLE_H
#define STAGES_PIPELINE_CI_IDLE_H

#include "stages/pipeline/ci_value.h"

int ci_idle(const struct ci_reader *r, const struct yaml *member, enum keyword_place place, struct err *e);

#endif
