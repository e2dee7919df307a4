#include "base/terminal.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

int terminal_raw(int fd, struct terminal *t, struct err *e)
{
    if (tcgetattr(fd, &t->before) < 0)
        return err_set(e, ERR_SYSTEM, errno, "ask for the terminal's settings: %s", strerror(errno));
    struct termios raw = t->before;
    cfmakeraw(&raw);
    if (tcsetattr(fd, TCSADRAIN, &raw) < 0)
        return err_set(e, ERR_SYSTEM, errno, "change the terminal's settings: %s", strerror(errno));
    t->fd = fd;
    t->raw = true;
    return 0;
}

void terminal_restore(struct terminal *t)
{
    if (t->raw)
        (void)tcsetattr(t->fd, TCSADRAIN, &t->before);
    t->raw = false;
}

int terminal_size(int fd, unsigned *rows, unsigned *columns)
{
    struct winsize size;
    if (ioctl(fd, TIOCGWINSZ, &size) < 0 || size.ws_row == 0 || size.ws_col == 0)
        return -1;
    *rows = size.ws_row;
    *columns = size.ws_col;
    return 0;
}
