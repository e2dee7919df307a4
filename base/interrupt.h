/* base/interrupt.h: SIGTERM, SIGINT and SIGHUP as a descriptor to poll. */
#ifndef BASE_INTERRUPT_H
#define BASE_INTERRUPT_H

#include "base/err.h"

/* Block the three signals, ignore SIGPIPE, and return a signalfd (close-on-exec,
 * non-blocking) that becomes readable when one arrives; -1 on failure. Children
 * started through base/process.h get default signals again. Call it once, early. */
int interrupt_open(struct err *e);

/* Let one more signal arrive through the descriptor, besides the three. */
int interrupt_add(int fd, int number, struct err *e);

/* Let the three signals end the program again: for a command that leaves nothing half-done. */
void interrupt_default(void);

/* The number of the next signal that has arrived, or 0. */
int interrupt_take(int fd);

#endif
