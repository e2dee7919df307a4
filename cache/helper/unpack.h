/* cache/helper/unpack.h: what caches and artifacts have in common when they are unpacked into the current folder. */
#ifndef CACHE_HELPER_UNPACK_H
#define CACHE_HELPER_UNPACK_H

#include "cache/helper/helper.h"

/* The archive `fd` into the current folder. How much may come out of it, and whether links may lead outside, is the
 * word of ATELIER_EXTRACT_ENTRIES, ATELIER_EXTRACT_BYTES (with a unit), ATELIER_EXTRACT_RATIO and
 * ATELIER_EXTRACT_LINKS_OUTSIDE (true, or false); what is not set is the default (cache/archive/limits.h). */
int unpack_here(const struct helper *h, int fd, struct err *e);

#endif
