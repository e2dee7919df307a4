/* stages/pipeline/slot.h: which of the pipelines of one project that run at once this one is. */
#ifndef STAGES_PIPELINE_SLOT_H
#define STAGES_PIPELINE_SLOT_H

#include "base/err.h"

#include <stdint.h>

struct slot {
    int fd;     /* holds the lock; the kernel lets go of it when we end, however we end */
    int number; /* CI_CONCURRENT_PROJECT_ID */
};

#define SLOT_INIT { -1, -1 }

/* Take the lowest slot of the project that nobody holds. `state_dir` is made when it is missing. */
int slot_take(const char *state_dir, int64_t project_id, struct slot *out, struct err *e);
void slot_release(struct slot *s);

/* "${XDG_STATE_HOME:-$HOME/.local/state}/atelier", the caller's; NULL without a home. */
char *slot_state_dir(char *const *env);

#define auto_slot __attribute__((cleanup(slot_release))) struct slot

#endif
