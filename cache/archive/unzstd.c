#include "cache/archive/unzstd.h"

#include "base/memory.h"
#include "cache/archive/block.h"
#include "cache/archive/ring.h"
#include "cache/archive/zstd.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <zstd.h>

enum {
    READ = 1 << 16, OUT = 1 << 17,
    HEADER_MOST = 18,
    FRAME_LEAST = 1 << 16, /* handing over less costs more than decoding it */
    MOST_THREADS = 4,      /* each has a frame of at most ZSTD_FRAME_MOST bytes, and 64 MB is what all of it may take */
    HELD = 2,              /* decoded frames that are still being written, besides those of the ring */
};

struct frame {
    char *in;
    size_t have, len, room; /* bytes in `in`, those of them that are the frame, and what the frame says that it holds */
    struct block *out;
    size_t out_len; /* or zstd's error */
};

struct unzstd {
    unzstd_read_fn *read;
    void *ctx;
    int threads;
    char *in; /* what was read and belongs to no frame yet: [at, end) */
    size_t at, end, size;
    size_t usual; /* the last frame's length: most likely the next one's too */
    struct ring *ring;
    struct blocks *blocks;
    struct block *held; /* of the ring's oldest frame, which has been given out */
    size_t held_len;
    bool streaming; /* nothing more goes to the ring */
    bool inside;    /* streaming: of a frame */
    ZSTD_DCtx *d;   /* streaming */
    char *out;
    int64_t taken;
};

static void *begin(const void *ctx)
{
    ZSTD_DCtx *d = ZSTD_createDCtx();

    (void)ctx;
    if (!d)
        abort(); /* out of memory, as everywhere */
    return d;
}

static void work(void *state, void *piece)
{
    struct frame *f = piece;

    f->out_len = ZSTD_decompressDCtx(state, f->out->data, f->room, f->in, f->len);
}

static void end(void *state)
{
    (void)ZSTD_freeDCtx(state);
}

static void release(void *piece)
{
    struct frame *f = piece;

    free(f->in);
    block_drop(f->out);
}

static const struct ring_work decoding = { sizeof(struct frame), begin, work, end, release };

struct unzstd *unzstd_open(unzstd_read_fn *read, void *ctx, int threads)
{
    struct unzstd *u = xcalloc(1, sizeof *u);

    *u = (struct unzstd){ .read = read, .ctx = ctx, .threads = threads < MOST_THREADS ? threads : MOST_THREADS };
    u->size = ZSTD_compressBound(ZSTD_FRAME_MOST) + 2 * READ;
    u->in = xmalloc(u->size);
    u->d = begin(NULL);
    u->out = xmalloc(OUT);
    u->blocks = blocks_open((unsigned)u->threads + HELD + 1);
    u->streaming = u->threads < 2;
    return u;
}

static int broken(struct err *e, size_t code)
{
    return err_set(e, ERR_JOB, 0, "zstd: %s", ZSTD_getErrorName(code));
}

/* Into `buf`; 0: there is no more. */
static ssize_t read_some(struct unzstd *u, char *buf, size_t size, struct err *e)
{
    ssize_t n = u->read(u->ctx, buf, size);
    return n < 0 ? err_set(e, ERR_SYSTEM, errno, "read the archive: %s", strerror(errno)) : n;
}

/* 0: there is no more. */
static ssize_t read_more(struct unzstd *u, struct err *e)
{
    if (u->at == u->end || u->size - u->end < READ) {
        memmove(u->in, u->in + u->at, u->end - u->at);
        u->end -= u->at;
        u->at = 0;
    }
    ssize_t n = read_some(u, u->in + u->end, READ, e);
    u->end += n > 0 ? (size_t)n : 0;
    return n;
}

/* Whether the header says that the frame is one for a thread, and of how many bytes. */
static bool is_for_thread(const char *in, size_t there, size_t *room)
{
    unsigned long long says = ZSTD_getFrameContentSize(in, there);

    if (says < FRAME_LEAST || says > ZSTD_FRAME_MOST) /* not known, and an error, are the largest numbers */
        return false;
    *room = (size_t)says;
    return true;
}

/* Read until f->in has a whole frame. 0: there is none that is for a thread. */
static int read_frame(struct unzstd *u, struct frame *f, struct err *e)
{
    for (;;) {
        if (f->have >= HEADER_MOST) {
            if (!is_for_thread(f->in, f->have, &f->room))
                return 0;
            f->len = ZSTD_findFrameCompressedSize(f->in, f->have);
            if (!ZSTD_isError(f->len))
                return 1;
            if (f->have > ZSTD_compressBound(f->room))
                return 0;
        }
        size_t wanted = f->have < u->usual ? u->usual - f->have : READ;
        ssize_t n = read_some(u, f->in + f->have, wanted, e);
        if (n <= 0)
            return (int)n;
        f->have += (size_t)n;
    }
}

/* Whether what was read ahead has the next frame whole, which then is all that is copied. */
static bool take_from_read(struct unzstd *u, struct frame *f)
{
    const char *from = u->in + u->at;
    size_t there = u->end - u->at;

    if (there < HEADER_MOST || !is_for_thread(from, there, &f->room))
        return false;
    f->len = ZSTD_findFrameCompressedSize(from, there);
    if (ZSTD_isError(f->len))
        return false;
    memcpy(f->in, from, f->len);
    u->at += f->len;
    return true;
}

/* The next frame straight to where a thread takes it from: only what was read of the one behind it is copied.
 * 0: there is none that is for a thread. */
static int next_frame(struct unzstd *u, struct frame *f, struct err *e)
{
    f->in = f->in ? f->in : xmalloc(u->size);
    if (take_from_read(u, f))
        return 1;
    f->have = u->end - u->at;
    memcpy(f->in, u->in + u->at, f->have);
    int whole = read_frame(u, f, e);
    size_t used = whole > 0 ? f->len : 0;
    u->at = 0;
    u->end = f->have - used;
    memcpy(u->in, f->in + used, u->end);
    return whole;
}

/* A ring, if the archive's first frame is for one. */
static int open_ring(struct unzstd *u, struct err *e)
{
    size_t room;

    while (u->end - u->at < HEADER_MOST) {
        ssize_t n = read_more(u, e);
        if (n < 0)
            return -1;
        if (n == 0)
            break;
    }
    u->streaming = u->end - u->at < HEADER_MOST || !is_for_thread(u->in + u->at, u->end - u->at, &room);
    if (!u->streaming)
        u->ring = ring_open(&decoding, NULL, u->threads, u->threads + 1);
    return 0;
}

/* Hand over as many frames as there is room for. */
static int hand_over(struct unzstd *u, struct err *e)
{
    struct frame *f;

    if (!u->ring && !u->streaming && open_ring(u, e) < 0)
        return -1;
    while (!u->streaming && (f = ring_fresh(u->ring))) {
        /* With frames on their way there is no hurry: the files of others are still being written. */
        f->out = f->out ? f->out : blocks_take(u->blocks, ZSTD_FRAME_MOST, ring_is_empty(u->ring));
        if (!f->out)
            return 0;
        int whole = next_frame(u, f, e);
        if (whole <= 0) {
            u->streaming = true;
            return whole;
        }
        u->usual = f->len;
        ring_submit(u->ring);
    }
    return 0;
}

static ssize_t stream(struct unzstd *u, const void **data, struct err *e)
{
    ZSTD_outBuffer to = { u->out, OUT, 0 };

    while (to.pos == 0) {
        ZSTD_inBuffer from = { u->in + u->at, u->end - u->at, 0 };
        if (from.size > 0 || u->inside) { /* it may hold back what did not fit last time */
            size_t left = ZSTD_decompressStream(u->d, &to, &from);
            if (ZSTD_isError(left))
                return broken(e, left);
            u->inside = left > 0;
        }
        u->at += from.pos;
        u->taken += (int64_t)from.pos;
        if (to.pos > 0 || from.pos > 0)
            continue;
        ssize_t more = read_more(u, e);
        if (more == 0 && u->inside)
            return err_set(e, ERR_JOB, 0, "zstd: the archive is cut off");
        if (more <= 0)
            return more;
    }
    *data = u->out;
    return (ssize_t)to.pos;
}

static void drop_held(struct unzstd *u)
{
    if (!u->held)
        return;
    block_drop(take(&u->held));
    ring_drop(u->ring);
}

ssize_t unzstd_next(struct unzstd *u, const void **data, struct err *e)
{
    drop_held(u);
    if (hand_over(u, e) < 0)
        return -1;
    struct frame *f = u->ring ? ring_oldest(u->ring) : NULL;
    if (!f)
        return stream(u, data, e);
    u->held = take(&f->out);
    u->held_len = ZSTD_isError(f->out_len) ? 0 : f->out_len;
    u->taken += (int64_t)f->len;
    *data = u->held->data;
    return ZSTD_isError(f->out_len) ? broken(e, f->out_len) : (ssize_t)f->out_len;
}

struct block *unzstd_block(const struct unzstd *u, const void *data, size_t len)
{
    uintptr_t at = (uintptr_t)data, start = u->held ? (uintptr_t)u->held->data : 0;

    return u->held && at >= start && at + len <= start + u->held_len ? block_hold(u->held) : NULL;
}

void unzstd_before_waiting(struct unzstd *u, void (*call)(void *ctx), void *ctx)
{
    blocks_before_waiting(u->blocks, call, ctx);
}

int64_t unzstd_taken(const struct unzstd *u)
{
    return u->taken;
}

void unzstd_close(struct unzstd *u)
{
    if (!u)
        return;
    block_drop(u->held);
    ring_close(u->ring);
    blocks_close(u->blocks);
    (void)ZSTD_freeDCtx(u->d);
    free(u->in);
    free(u->out);
    free(u);
}
