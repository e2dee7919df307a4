/* executor/direct_output.h: a script's output on the direct way: a pipe of our own, whose data the kernel moves to
 * gitlab-runner's.
 *
 * The job gets our pipe and not the runner's: it could hand it on, to a process that outlives the job, and the
 * runner would wait for its end for ever. Whoever holds ours holds nothing that anybody waits for. */
#ifndef EXECUTOR_DIRECT_OUTPUT_H
#define EXECUTOR_DIRECT_OUTPUT_H

#include "base/err.h"
#include "executor/mark.h"

#include <stdbool.h>

struct direct_output {
    int read_fd;       /* -1: it has ended */
    int write_fd;      /* the job's; -1 when it has been handed out */
    struct mark *mark; /* whose mark is taken out of it, until it has come; NULL: nothing is looked at */
    bool full;         /* stdout takes nothing now: wait until it does */
    bool by_hand;      /* stdout is nothing that the kernel moves pipes' data to */
};

#define DIRECT_OUTPUT_INIT { -1, -1, NULL, false, false }

int direct_output_open(struct direct_output *o, struct err *e);
/* Move what is there to stdout, as much as it takes now. */
int direct_output_move(struct direct_output *o, struct err *e);
/* The script has ended: move what it wrote, and nothing of what somebody else still writes. */
int direct_output_finish(struct direct_output *o, struct err *e);
void direct_output_release(struct direct_output *o);

#endif
