/* cache/archive/zstd.h: libarchive's zstd filter, and whether it has threads. For this folder alone. */
#ifndef CACHE_ARCHIVE_ZSTD_H
#define CACHE_ARCHIVE_ZSTD_H

#include "base/err.h"
#include "cache/archive/format.h"

struct archive; /* libarchive's */

/* Add the filter to a writer, at `level` and with `threads` threads. */
int zstd_filter(struct archive *a, int level, int threads, struct err *e);

/* How many threads compress when archive_threads() are asked for; 1 when the linked zstd has none.
 * Found out by compressing something. */
int zstd_threads(void);

#endif
