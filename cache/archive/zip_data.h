/* cache/archive/zip_data.h: the bytes of a zip's files. For this folder alone.
 *
 * Files of moderate size are inflated whole, by libdeflate, three times as fast as libarchive would. Others come by pieces, in
 * blocks that whoever writes them can hold. Every checksum is compared. One thread's. */
#ifndef CACHE_ARCHIVE_ZIP_DATA_H
#define CACHE_ARCHIVE_ZIP_DATA_H

#include "base/err.h"
#include "cache/archive/block.h"
#include "cache/archive/zip_directory.h"

#include <sys/types.h>

enum { ZIP_DATA_MOST = 1 << 22, ZIP_DATA_PIECE = 1 << 18 }; /* bytes of a file that is taken whole, packed or not; of a piece */

struct zip_data; /* opaque */

/* `fd` can be read by pread. */
struct zip_data *zip_data_new(int fd);
void zip_data_free(struct zip_data *z); /* NULL is fine */
/* blocks_before_waiting() of its blocks. */
void zip_data_before_waiting(struct zip_data *z, void (*call)(void *ctx), void *ctx);

/* The file that is to be read next. */
void zip_data_start(struct zip_data *z, const struct zip_member *m);
bool zip_data_is_moderate(const struct zip_member *m);
/* All of a file that is; `out` has room for m->size bytes. ERR_JOB: it is broken. */
int zip_data_whole(struct zip_data *z, void *out, struct err *e);
/* The next piece, borrowed until the next call: its length, 0 at the end, or -1. */
ssize_t zip_data_next(struct zip_data *z, const void **data, struct err *e);
/* The block of that piece, held for the caller; NULL: the bytes are not of it. */
struct block *zip_data_block(const struct zip_data *z, const void *data);

#endif
