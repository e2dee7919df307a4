/* base/terminal.h: the terminal that a person sits at. */
#ifndef BASE_TERMINAL_H
#define BASE_TERMINAL_H

#include "base/err.h"

#include <stdbool.h>
#include <termios.h>

struct terminal {
    int fd;
    bool raw;
    struct termios before;
};

#define TERMINAL_INIT { .fd = -1 }

/* Pass on every key as it is typed, also those that mean a signal, and show none of them
 * here. `fd` is borrowed until terminal_restore(). */
int terminal_raw(int fd, struct terminal *t, struct err *e);
/* As it was; nothing when it was not made raw. */
void terminal_restore(struct terminal *t);
/* How large its window is; -1 when it does not know. */
int terminal_size(int fd, unsigned *rows, unsigned *columns);

#define auto_terminal __attribute__((cleanup(terminal_restore))) struct terminal

#endif
