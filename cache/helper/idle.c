#include "cache/helper/idle.h"

#include "base/number.h"

#define VARIABLE "ATELIER_TRANSFER_IDLE"

int64_t idle_ms(const struct helper *h, int64_t otherwise_ms)
{
    const char *text = env_get(h->env, VARIABLE);
    int64_t ms = otherwise_ms;

    if (text && (duration_parse(text, &ms) < 0 || ms == 0))
        report_line(&h->report, LOG_WARNING, VARIABLE " is no duration such as 30s, and left out");
    return ms > 0 ? ms : otherwise_ms;
}
