/* cache/helper/pack.h: what caches and artifacts have in common when they are packed. */
#ifndef CACHE_HELPER_PACK_H
#define CACHE_HELPER_PACK_H

#include "cache/archive/write.h"

/* The level of that name; one that there is not is a line, and the default. */
enum archive_level pack_level(const char *name, const struct report *report);
/* Its bytes to a descriptor: ctx is an int's address. */
archive_sink_fn pack_to_fd;

#endif
