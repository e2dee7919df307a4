/* stages/pipeline/resource_group.h: `resource_group`: of the jobs of one, in all pipelines of a checkout, one runs at a
 * time. */
#ifndef STAGES_PIPELINE_RESOURCE_GROUP_H
#define STAGES_PIPELINE_RESOURCE_GROUP_H

#include "base/err.h"

#include <stdint.h>

/* Hold the group, unless somebody does. *fd: the lock, which goes when it is closed, or we end; -1: somebody else has it. */
int resource_group_take(const char *state_dir, int64_t project_id, const char *name, int *fd, struct err *e);

#endif
