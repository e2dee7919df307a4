#include "stages/deploy/pause.h"

#include "base/clock.h"

#include <poll.h>

int pause_ms(const struct engine_watch *watch, int64_t ms, struct err *e)
{
    int64_t end = clock_ms() + ms;

    for (int64_t left = ms; left >= 0; left = end - clock_ms()) {
        int64_t next = -1;
        if (watch && watch->tick && watch->tick(watch->ctx, &next, e) < 0)
            return -1;
        struct pollfd wake = { .fd = watch && watch->tick ? watch->wake_fd : -1, .events = POLLIN };
        int64_t wait = next >= 0 && next < left ? next : left;
        (void)poll(&wake, 1, (int)wait);
        if (left == 0)
            break;
    }
    return 0;
}
