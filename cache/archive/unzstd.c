#include "cache/archive/unzstd.h"

#include "base/memory.h"
#include "cache/archive/ring.h"
#include "cache/archive/zstd.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <zstd.h>

enum {
    READ = 1 << 18, OUT = 1 << 17,
    HEADER_MOST = 18,
    FRAME_LEAST = 1 << 16, /* handing over less costs more than decoding it */
    MOST_THREADS = 4,      /* each has a frame of at most ZSTD_FRAME_MOST bytes, and 64 MB is what all of it may take */
};

struct frame {
    char *in, *out;
    size_t len, in_room, room, out_room; /* room: what the frame says that it holds; in_room, out_room: of the buffers */
    size_t out_len;                      /* or zstd's error */
};

struct unzstd {
    unzstd_read_fn *read;
    void *ctx;
    int threads;
    char *in; /* what was read and belongs to no frame yet: [at, end) of `size` */
    size_t at, end, size;
    struct ring *ring;
    bool held;      /* its oldest frame has been given out */
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

    f->out_len = ZSTD_decompressDCtx(state, f->out, f->room, f->in, f->len);
}

static void end(void *state)
{
    (void)ZSTD_freeDCtx(state);
}

static void release(void *piece)
{
    struct frame *f = piece;

    free(f->in);
    free(f->out);
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
    u->streaming = u->threads < 2;
    return u;
}

static int broken(struct err *e, size_t code)
{
    return err_set(e, ERR_JOB, 0, "zstd: %s", ZSTD_getErrorName(code));
}

/* 0: there is no more. */
static ssize_t read_more(struct unzstd *u, struct err *e)
{
    if (u->at == u->end || u->size - u->end < READ) {
        memmove(u->in, u->in + u->at, u->end - u->at);
        u->end -= u->at;
        u->at = 0;
    }
    ssize_t n = u->read(u->ctx, u->in + u->end, READ);
    if (n < 0)
        return err_set(e, ERR_SYSTEM, errno, "read the archive: %s", strerror(errno));
    u->end += (size_t)n;
    return n;
}

/* 1: a frame for a thread is next, whole, of *len bytes that become *room. 0: it is not. */
static int whole_frame(struct unzstd *u, size_t *len, size_t *room, struct err *e)
{
    for (;;) {
        size_t there = u->end - u->at;
        if (there >= HEADER_MOST) {
            unsigned long long says = ZSTD_getFrameContentSize(u->in + u->at, there);
            if (says < FRAME_LEAST || says > ZSTD_FRAME_MOST) /* not known, and an error, are the largest numbers */
                return 0;
            *room = (size_t)says;
            *len = ZSTD_findFrameCompressedSize(u->in + u->at, there);
            if (!ZSTD_isError(*len))
                return 1;
            if (there > ZSTD_compressBound(*room))
                return 0;
        }
        ssize_t more = read_more(u, e);
        if (more <= 0)
            return (int)more;
    }
}

static void make_room(char **buf, size_t *size, size_t wanted)
{
    if (*size >= wanted)
        return;
    free(*buf);
    *buf = xmalloc(wanted);
    *size = wanted;
}

/* Hand over as many frames as there is room for. */
static int hand_over(struct unzstd *u, struct err *e)
{
    struct frame *f = NULL;

    while (!u->streaming && (!u->ring || (f = ring_fresh(u->ring)))) {
        size_t len = 0, room = 0;
        int whole = whole_frame(u, &len, &room, e);
        if (whole <= 0) {
            u->streaming = true;
            return whole;
        }
        if (!u->ring) {
            u->ring = ring_open(&decoding, NULL, u->threads, u->threads + 1);
            f = ring_fresh(u->ring);
        }
        make_room(&f->in, &f->in_room, len);
        make_room(&f->out, &f->out_room, room);
        memcpy(f->in, u->in + u->at, len);
        f->len = len;
        f->room = room;
        u->at += len;
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

ssize_t unzstd_next(struct unzstd *u, const void **data, struct err *e)
{
    if (u->held)
        ring_drop(u->ring);
    u->held = false;
    if (hand_over(u, e) < 0)
        return -1;
    const struct frame *f = u->ring ? ring_oldest(u->ring) : NULL;
    if (!f)
        return stream(u, data, e);
    u->held = true;
    u->taken += (int64_t)f->len;
    *data = f->out;
    return ZSTD_isError(f->out_len) ? broken(e, f->out_len) : (ssize_t)f->out_len;
}

int64_t unzstd_taken(const struct unzstd *u)
{
    return u->taken;
}

void unzstd_close(struct unzstd *u)
{
    if (!u)
        return;
    ring_close(u->ring);
    (void)ZSTD_freeDCtx(u->d);
    free(u->in);
    free(u->out);
    free(u);
}
