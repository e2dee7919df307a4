/* cache/archive/ring.h: pieces that several threads work on and one takes back, in order. For this folder alone.
 *
 * One thread fills pieces, hands them in, and takes the oldest when it is done; it is the only caller. What a piece is and
 * what is done to it is the user's: compressing for zip, compressing and decoding for zstd. */
#ifndef CACHE_ARCHIVE_RING_H
#define CACHE_ARCHIVE_RING_H

#include <stdbool.h>
#include <stddef.h>

struct ring_work {
    size_t size;                             /* of a piece, which is zeros at first */
    void *(*begin)(const void *ctx);         /* what a thread keeps from piece to piece */
    void (*work)(void *state, void *piece);
    void (*end)(void *state);
    void (*release)(void *piece);            /* what it points to, at the end */
};

struct ring; /* opaque */

/* `how` is borrowed. There are never more than `pieces` under way. */
struct ring *ring_open(const struct ring_work *how, const void *ctx, int threads, int pieces);
/* A piece to fill and give to ring_submit(), as it was dropped; NULL: the oldest has to be taken first. */
void *ring_fresh(struct ring *r);
void ring_submit(struct ring *r);
/* The oldest piece, worked on (waits for it); NULL: there is none. */
void *ring_oldest(struct ring *r);
void ring_drop(struct ring *r);
bool ring_is_empty(const struct ring *r);
/* Waits for what is under way. NULL is fine. */
void ring_close(struct ring *r);

#endif
