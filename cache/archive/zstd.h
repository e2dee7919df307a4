/* cache/archive/zstd.h: a zstd frame by several threads. For this folder alone.
 *
 * By libzstd and not by libarchive's filter of it, which writes no checksum: a bit that
 * turned on a disk would go unnoticed. */
#ifndef CACHE_ARCHIVE_ZSTD_H
#define CACHE_ARCHIVE_ZSTD_H

#include "cache/archive/write.h"

#include <stdbool.h>

struct zstd; /* opaque: one frame under way */

/* At `level`, with `threads` threads where the linked library has any; its bytes go to the sink. */
int zstd_open(int level, int threads, archive_sink_fn *sink, void *ctx, struct zstd **out, struct err *e);
/* The next bytes; with `last` the frame is complete. */
int zstd_put(struct zstd *z, const void *data, size_t len, bool last, struct err *e);
void zstd_close(struct zstd *z); /* NULL is fine */

/* How many threads compress when archive_threads() are asked for; 1 when the linked zstd has none. */
int zstd_threads(void);
const char *zstd_version(void);

#endif
