/* executor/verdict.h: who is to blame when a script did not end well. */
#ifndef EXECUTOR_VERDICT_H
#define EXECUTOR_VERDICT_H

#include "base/log.h"
#include "engine/engine.h"

/* A script that has ended, and where it ran. */
struct ending {
    struct engine *engine;
    const char *container;
    const char *role;  /* of the container: "build", "helper" */
    const char *kind;  /* of the job, for the owner's word on memory */
    int64_t began_ms;  /* since the epoch */
    bool answered;     /* the container's first process told the code itself: it lives */
    bool gone;         /* it went away before: the container ends, whenever the daemon says so */
    const struct log *log;
};

/* What remains to be told of a script whose exec ended with `rc`, or with *code if that is 0. 0 when *code is
 * the script's own, or is as good: that of a container which the kernel killed because of the job. A word about
 * memory is for the log: the code is true all the same. Asks the daemon only when something failed. */
int verdict(const struct ending *x, int rc, int *code, struct err *e);

#endif
