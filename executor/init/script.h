/* executor/init/script.h: a script's first process, as the daemon's exec would make it. */
#ifndef EXECUTOR_INIT_SCRIPT_H
#define EXECUTOR_INIT_SCRIPT_H

#include "executor/init/order.h"

#include <sys/types.h>

/* What every script of the container begins with. */
struct setting {
    char *const *entrypoint; /* ends with NULL */
    size_t entrypoint_n;
    const char *folder;      /* the container's working folder */
};

/* Where a script's shell is looked for, in this order; ends with NULL. As stages/shell.c has it. */
extern const char *const script_shells[];

/* Whether PATH leads to an `sh`. */
bool script_has_sh(void);

/* Start one: the image's ENTRYPOINT and the words after it, or the image's best shell. *refusal becomes a pipe's end:
 * an errno is there when the program could not be executed. 0 when there can be no further process. */
pid_t script_start(const struct setting *setting, const int fds[ORDER_FDS], size_t arguments, int *refusal);

#endif
