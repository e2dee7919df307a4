/* cache/helper/local_cache.h: the cache on this host, as both cache commands go about it. */
#ifndef CACHE_HELPER_LOCAL_CACHE_H
#define CACHE_HELPER_LOCAL_CACHE_H

#include "cache/helper/helper.h"
#include "cache/store/local.h"

/* Begin what is to become `file`, when nobody else does: a line says that we wait, and a signal ends it. */
int local_cache_begin(const struct helper *h, const char *file, struct store_draft *out, struct err *e);
/* "cache.zip" of ".../cache.zip". Borrowed. */
const char *local_cache_name(const char *file);

#endif
