/* cache/archive/zstd.h: zstd by several threads. For this folder alone.
 *
 * The bytes are cut into frames that know nothing of each other and say how large they are: so threads compress
 * them with any libzstd (Debian's static one has no threads of its own), and threads decode them. Every decoder takes
 * frames one after the other for one stream. By libzstd and not by libarchive's filter of it, which writes no
 * checksum: a bit that turned on a disk would go unnoticed. */
#ifndef CACHE_ARCHIVE_ZSTD_H
#define CACHE_ARCHIVE_ZSTD_H

#include "cache/archive/write.h"

#include <stdbool.h>

struct zstd_spec {
    int level, threads;
    size_t frame; /* bytes that go into one, at most ZSTD_FRAME_MOST; 0: all of them, by one thread */
};

enum { ZSTD_FRAME_MOST = 1 << 22 };

struct zstd; /* opaque: one stream under way */

/* Its bytes go to the sink. */
struct zstd *zstd_open(const struct zstd_spec *spec, archive_sink_fn *sink, void *ctx);
/* The next bytes; with `last` the stream is complete. */
int zstd_put(struct zstd *z, const void *data, size_t len, bool last, struct err *e);
void zstd_close(struct zstd *z); /* NULL is fine */

const char *zstd_version(void);

#endif
