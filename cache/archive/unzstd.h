/* cache/archive/unzstd.h: a zstd archive's bytes, decoded by several threads where it is made for that. For this folder alone.
 *
 * A frame that says how large it is, and is small (zstd.h), is read whole and decoded by a thread; frames come out in the
 * archive's order, so whoever parses them sees one stream. Nothing tells where frames begin but the frames: there
 * is no index that could lie. From the first frame on that is otherwise (one long frame, as others write it; what is cut or
 * broken), everything is decoded as it is read. */
#ifndef CACHE_ARCHIVE_UNZSTD_H
#define CACHE_ARCHIVE_UNZSTD_H

#include "base/err.h"

#include <stdint.h>
#include <sys/types.h>

/* Up to `size` bytes; 0 at the end; -1 with errno. */
typedef ssize_t unzstd_read_fn(void *ctx, void *buf, size_t size);

struct block;
struct unzstd; /* opaque */

struct unzstd *unzstd_open(unzstd_read_fn *read, void *ctx, int threads);
/* The next bytes, borrowed until the next call. 0: the end. */
ssize_t unzstd_next(struct unzstd *u, const void **data, struct err *e);
/* The block that these bytes of unzstd_next() stand in, held for the caller, who has them as long as it holds it. NULL: they
 * are in none, and go with the next call. */
struct block *unzstd_block(const struct unzstd *u, const void *data, size_t len);
/* blocks_before_waiting() of its blocks. */
void unzstd_before_waiting(struct unzstd *u, void (*call)(void *ctx), void *ctx);
/* Bytes of the archive that have been decoded so far. */
int64_t unzstd_taken(const struct unzstd *u);
void unzstd_close(struct unzstd *u); /* NULL is fine */

#endif
