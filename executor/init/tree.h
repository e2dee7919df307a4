/* executor/init/tree.h: the processes below this one, by what /proc tells of parents.
 *
 * What others put into the container (a person's shell, a healthcheck) has no parent inside of it, and is not below
 * us: it is never signalled here. */
#ifndef EXECUTOR_INIT_TREE_H
#define EXECUTOR_INIT_TREE_H

#include <stdbool.h>
#include <sys/types.h>

struct tree_count {
    unsigned alive;  /* that were signalled */
    unsigned denied; /* that may not be: another user's */
};

/* Send the signal (0: only count them) to all that are below us and alive, but for two (0: none). False when /proc
 * does not tell. */
bool tree_signal(int number, pid_t but, pid_t and_but, struct tree_count *out);

#endif
