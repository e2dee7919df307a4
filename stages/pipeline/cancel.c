#include "stages/pipeline/cancel.h"

#include "base/interrupt.h"

#include <poll.h>

bool cancel_check(struct cancel *c)
{
    int number;

    while ((number = interrupt_take(c->fd)) != 0) {
        c->count++;
        if (!c->signal)
            c->signal = number;
    }
    return c->signal != 0;
}

bool cancel_wait(struct cancel *c, int64_t ms)
{
    struct pollfd wait = { .fd = c->fd, .events = POLLIN };

    if (!cancel_check(c))
        (void)poll(&wait, 1, (int)ms);
    return cancel_check(c);
}
