#include "cache/helper/local_cache.h"

#include <poll.h>
#include <string.h>

static int wait_for_other(void *ctx, bool first, struct err *e)
{
    const struct helper *h = ctx;
    struct pollfd stop = { .fd = h->interrupt_fd, .events = POLLIN };

    if (first)
        report_line(&h->report, LOG_INFO, "Waiting for another job that writes this cache...");
    return poll(&stop, 1, 0) > 0 ? err_set(e, ERR_CANCELLED, 0, "told to stop") : 0;
}

int local_cache_begin(const struct helper *h, const char *file, struct store_draft *out, struct err *e)
{
    return store_begin(file, wait_for_other, (void *)(uintptr_t)h, out, e);
}

const char *local_cache_name(const char *file)
{
    const char *slash = strrchr(file, '/');

    return slash ? slash + 1 : file;
}
