/* cache/archive/deflate.h: raw deflate by several threads, in order (ring.h). For this folder alone.
 *
 * By libdeflate, which is twice as fast as zlib for archives of the same size, and knows only whole streams. So each piece of
 * a file is compressed as one, by itself, and all but the last are opened at their end to be one stream together. */
#ifndef CACHE_ARCHIVE_DEFLATE_H
#define CACHE_ARCHIVE_DEFLATE_H

#include "cache/archive/ring.h"

#include <stdbool.h>
#include <stdint.h>

enum { DEFLATE_PIECE = 1 << 18 };

struct piece {
    unsigned char *in; /* room for DEFLATE_PIECE bytes */
    size_t len;
    bool last;   /* of its file */
    bool plain;  /* not compressed; out is the data */
    void *owner; /* the caller's */

    const unsigned char *out;
    size_t out_len;
    uint32_t crc;

    unsigned char *room; /* the deflater's */
};

/* A ring of such pieces. level: 0 (everything plain) to 9 */
struct ring *deflater_open(const int *level, int threads);
/* An empty piece to fill and give to ring_submit(), or NULL: the oldest has to be taken first. */
struct piece *deflater_fresh(struct ring *r);

#endif
