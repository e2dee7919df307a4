/* stages/pipeline/cancel.h: Ctrl-C, TERM and HUP, seen by everything that waits. */
#ifndef STAGES_PIPELINE_CANCEL_H
#define STAGES_PIPELINE_CANCEL_H

#include <stdbool.h>
#include <stdint.h>

struct cancel {
    int fd;     /* base/interrupt.h */
    int signal; /* the first that came; 0: none yet */
    int count;  /* how many came: the second one means "at once" */
};

/* Take note of what has arrived. Returns whether anything ever did. */
bool cancel_check(struct cancel *c);
/* Sleep, but no longer than until a signal comes. Returns as cancel_check(). */
bool cancel_wait(struct cancel *c, int64_t ms);

#endif
