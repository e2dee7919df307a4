/* executor/cleaning.h: who removes a job's things, told to whoever would get in the way.
 *
 * A file of the job's key in builds/.cleanup is locked as long as somebody removes them. The next prepare of the same job
 * waits for it, so that nobody takes what is new for what is old. One that nobody holds is of a removal that did not come
 * to its end: it was killed, or could not, and then the file says why. That one is `gc`'s. */
#ifndef EXECUTOR_CLEANING_H
#define EXECUTOR_CLEANING_H

#include "executor/config.h"

struct cleaning {
    char *path;
    int fd; /* locked; -1: not ours */
};

#define CLEANING_INIT { NULL, -1 }

/* Begin, and wait for another one's end for at most so long. ERR_CONFLICT: it goes on. */
int cleaning_begin(struct cleaning *x, const struct config *c, const char *key, int64_t wait_ms, struct err *e);
/* The same where somebody has begun before; else nothing is done, and x->fd stays -1. */
int cleaning_take_over(struct cleaning *x, const struct config *c, const char *key, int64_t wait_ms, struct err *e);
/* End: the file goes; with a problem it stays, and says so. Nothing when it is not ours. */
void cleaning_end(struct cleaning *x, const char *problem);
/* Close our end of it; a copy of this process that has one goes on. */
void cleaning_release(struct cleaning *x);

/* Whether so many are under way, or more: those that somebody holds. */
bool cleaning_are_many(const struct config *c, size_t many);
/* The keys of the jobs whose removal did not come to its end. */
void cleaning_list_abandoned(const struct config *c, struct strvec *keys);
/* The same, and whoever comes meanwhile has to wait: one for each key, the caller's to end or release, and to free. */
struct cleaning *cleaning_hold_abandoned(const struct config *c, struct strvec *keys);

#define auto_cleaning __attribute__((cleanup(cleaning_release))) struct cleaning

#endif
