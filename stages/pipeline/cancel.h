/* stages/pipeline/cancel.h: Ctrl-C, TERM and HUP, seen by everything that waits. */
#ifndef STAGES_PIPELINE_CANCEL_H
#define STAGES_PIPELINE_CANCEL_H

#include <stdbool.h>
#include <stdint.h>

struct cancel {
    int fd;       /* base/interrupt.h, or what they are handed on by; -1: nobody is there any more who could */
    bool is_line; /* the latter: a byte each, its number */
    int signal;   /* the first that came; 0: none yet */
    int count;    /* how many came: the second one means "at once" */
    int spent;    /* how many of them have had their effect: what still runs then is to end by the next one */
};

/* Take note of what has arrived. Returns whether anything ever did. */
bool cancel_check(struct cancel *c);
/* Whether what runs, or is to be started, has to end: something has arrived that is not spent. */
bool cancel_is_due(struct cancel *c);
/* The first signal has ended what it should, and what follows may run. False: there were more of them. */
bool cancel_spend(struct cancel *c);
/* Sleep, but no longer than until a signal comes. Returns as cancel_check(). */
bool cancel_wait(struct cancel *c, int64_t ms);

#endif
