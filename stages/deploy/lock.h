/* stages/deploy/lock.h: one deploy at a time of a project to an environment.
 *
 * The lock is a container that never runs: making one by a fixed name is the one test-and-set that the API has. A lease
 * beside it, a volume that is made anew every few seconds, says that its holder lives; how old it is, the daemon's
 * own clock tells. The lock of a holder that is gone is removed by its id, so that of several who see that none removes
 * the next one's lock. */
#ifndef STAGES_DEPLOY_LOCK_H
#define STAGES_DEPLOY_LOCK_H

#include "base/process.h"
#include "stages/deploy/voice.h"

struct lock {
    struct engine *engine; /* borrowed */
    char *container, *token, *unit;
    struct process renewer; /* makes the lease anew, until we say so or are gone */
};

#define LOCK_INIT { NULL, NULL, NULL, NULL, PROCESS_INIT }

/* Take it, or wait as long as the target says for whoever has it, saying who it is. `image` is any that the target has.
 * ERR_SYSTEM when the time is up, ERR_CANCELLED when the watch ends the wait. */
int lock_take(const struct deploy_context *c, const struct voice *v, const char *image, struct lock *out, struct err *e);
/* Whether it is still ours: nobody took us for dead. */
int lock_check(const struct lock *l, struct err *e);
void lock_release(struct lock *l);

#endif
