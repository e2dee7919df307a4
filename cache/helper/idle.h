/* cache/helper/idle.h: how long a server may be silent. */
#ifndef CACHE_HELPER_IDLE_H
#define CACHE_HELPER_IDLE_H

#include "cache/helper/helper.h"

/* In milliseconds: what ATELIER_TRANSFER_IDLE says (a duration: 2m), else `otherwise_ms`. */
int64_t idle_ms(const struct helper *h, int64_t otherwise_ms);

#endif
