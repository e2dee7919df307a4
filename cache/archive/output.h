/* cache/archive/output.h: files of an archive, written by threads other than the one that decodes it. For this folder alone.
 *
 * A small file is handed over whole, and a thread makes it; a large one is open already, and its pieces are
 * written by whichever thread is free. What waits is bounded, in bytes and in files. */
#ifndef CACHE_ARCHIVE_OUTPUT_H
#define CACHE_ARCHIVE_OUTPUT_H

#include "cache/archive/block.h"
#include "cache/archive/tree.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

struct output {
    struct attributes as;
    int64_t size; /* where the file ends, perhaps in a hole */
    int fd;       /* -1: it is to be made, and its one piece is all of it */
    pthread_mutex_t turn; /* to write: the kernel lets one thread write to a file, and others spin for it */
    _Atomic int users;
    size_t folder_len; /* of the name, up to its last slash */
    char name[];
};

struct outputs;

/* `model`: root, umask and owners, for each thread's own tree. */
struct outputs *outputs_open(const struct tree *model, int threads);

/* A file with one user, the caller. */
struct output *output_new(const char *name, const struct attributes *as);
/* Room for a piece, at most OUTPUT_PIECE bytes. It is used again: asking the kernel for new pages costs as much as writing
 * them. */
enum { OUTPUT_PIECE = 1 << 18 };
struct block *outputs_room(struct outputs *o);
/* Write `len` bytes of `block`, whose use by the caller is taken over, at `offset`. Waits while too much waits. -1 when an
 * earlier write has failed: then nothing more is of use. */
int outputs_put(struct outputs *o, struct output *file, struct block *block, const char *data, size_t len, int64_t offset);
/* Threads are woken for several writes at once: wake them for those that there are. */
void outputs_wake(struct outputs *o);
/* The caller's use of the file ends. Whoever is its last user gives it its size and attributes. */
void output_drop(struct outputs *o, const struct tree *t, struct output *file);

bool outputs_failed(struct outputs *o);
/* Keep the first failure, from any thread; e is empty afterwards. Returns -1. */
int outputs_fail(struct outputs *o, struct err *e);
/* Wait until all that was put is written. */
void outputs_drain(struct outputs *o);
/* The same, and the threads end. *replaced as in struct tree. The first failure, if there was one. */
int outputs_close(struct outputs *o, unsigned *replaced, struct err *e);

#endif
