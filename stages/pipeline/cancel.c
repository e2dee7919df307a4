#include "stages/pipeline/cancel.h"

#include "base/interrupt.h"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

static void note(struct cancel *c, int number)
{
    c->count++;
    if (!c->signal)
        c->signal = number;
}

/* Who handed them on may be gone: then nobody waits for us, and all is to end at once. */
static void note_line(struct cancel *c)
{
    unsigned char number;
    ssize_t n;

    while (c->fd >= 0 && (n = recv(c->fd, &number, 1, MSG_DONTWAIT)) >= 0) {
        note(c, n > 0 ? number : SIGHUP);
        if (n > 0)
            continue;
        note(c, SIGHUP);
        c->fd = -1;
    }
}

bool cancel_check(struct cancel *c)
{
    int number;

    if (c->is_line)
        note_line(c);
    else
        while ((number = interrupt_take(c->fd)) != 0)
            note(c, number);
    return c->signal != 0;
}

bool cancel_is_due(struct cancel *c)
{
    (void)cancel_check(c);
    return c->count > c->spent;
}

bool cancel_spend(struct cancel *c)
{
    if (c->count != 1 || c->spent != 0)
        return false;
    c->spent = 1;
    return true;
}

bool cancel_wait(struct cancel *c, int64_t ms)
{
    struct pollfd wait = { .fd = c->fd, .events = POLLIN };

    if (!cancel_check(c))
        (void)poll(&wait, 1, (int)ms);
    return cancel_check(c);
}
