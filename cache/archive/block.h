/* cache/archive/block.h: bytes on their way into files, which several writes may share. For this folder alone.
 *
 * A frame of an archive is decoded into a block, and the files in it are written from there: who writes holds the block, and
 * nothing is copied. A pool's blocks are used again, and there are never more of them than it was opened with. */
#ifndef CACHE_ARCHIVE_BLOCK_H
#define CACHE_ARCHIVE_BLOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct block {
    char *data;
    size_t size;
    struct blocks *pool; /* NULL: none */
    struct block *next;  /* the pool's */
    _Atomic int users;
};

struct blocks; /* opaque */

struct blocks *blocks_open(unsigned most);
/* All blocks have to be back. NULL is fine. */
void blocks_close(struct blocks *pool);
/* To be called, with no lock held, before blocks_take() waits: what is put off may be what the blocks wait for. */
void blocks_before_waiting(struct blocks *pool, void (*call)(void *ctx), void *ctx);

/* A block of at least that size with one user, the caller. Of a pool: waits until one is free, or is NULL if it may not. */
struct block *block_new(size_t size);
struct block *blocks_take(struct blocks *pool, size_t size, bool may_wait);

struct block *block_hold(struct block *b); /* one user more */
void block_drop(struct block *b);          /* one less; any thread's. NULL is fine */

#endif
