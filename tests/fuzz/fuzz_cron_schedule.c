/* Whatever stands in a schedule: an error, or a schedule that comes, at a whole minute and later than asked. */
#include "stages/deploy/cron_schedule.h"

#include "base/memory.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    auto_free char *line = xstrndup((const char *)data, size);
    struct cron_schedule s;
    auto_err e = ERR_INIT;
    const int64_t after = 1774746000 + (int64_t)size; /* an hour before clocks change in Europe */

    if (cron_parse(line, &s, &e) < 0) {
        if (e.kind != ERR_JOB || strncmp(err_text(&e), "the schedule ", 13) != 0)
            abort();
        return 0;
    }
    int64_t next = cron_next(&s, after);
    if (s.reboot ? next != -1 : next <= after || next % 60 != 0)
        abort();
    return 0;
}
