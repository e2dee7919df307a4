/* cache/archive/deflate.h: raw deflate by several threads, in order. For this folder alone.
 *
 * Data goes in as pieces and comes out as pieces, compressed, in the same order. The pieces of one file are one
 * deflate stream: each but the last ends on a byte, and begins with what came before as its dictionary. */
#ifndef CACHE_ARCHIVE_DEFLATE_H
#define CACHE_ARCHIVE_DEFLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DEFLATE_PIECE = 1 << 18, DEFLATE_WINDOW = 1 << 15 };

struct piece {
    unsigned char *in;   /* DEFLATE_WINDOW bytes of what came before, then DEFLATE_PIECE bytes of data */
    size_t before, len;  /* how much of each is there; what came before ends where the data begins */
    bool last;           /* of its file */
    bool plain;          /* not compressed; out is the data */
    void *owner;         /* the caller's */

    const unsigned char *out;
    size_t out_len;
    uint32_t crc; /* of the data alone */

    unsigned char *room; /* the deflater's */
    bool done;
};

static inline unsigned char *piece_data(const struct piece *p)
{
    return p->in + DEFLATE_WINDOW;
}

struct deflater;

/* level: 0 (everything plain) to 9 */
struct deflater *deflater_open(int level, int threads);
/* An empty piece to fill and give to deflater_submit(), or NULL: the oldest has to be taken first. */
struct piece *deflater_fresh(struct deflater *d);
void deflater_submit(struct deflater *d, struct piece *p);
/* The oldest piece, compressed (waits for it), NULL: there is none. It is empty again after deflater_drop(). */
struct piece *deflater_oldest(struct deflater *d);
void deflater_drop(struct deflater *d);
/* Waits for what is under way. NULL is fine. */
void deflater_close(struct deflater *d);

static inline void deflater_closep(struct deflater **d)
{
    deflater_close(*d);
}
#define auto_deflater __attribute__((cleanup(deflater_closep))) struct deflater

#endif
