#include "cache/archive/zstd.h"

#include "cache/archive/ring.h"

#include <string.h>
#include <zstd.h>

enum { PIECES_EACH = 2 }; /* under way for each thread: one to work on, one that is filled or put out */

struct frame {
    char *in, *out;
    size_t len, room, out_len; /* out_len: or zstd's error */
};

struct zstd {
    struct zstd_spec spec;
    archive_sink_fn *sink;
    void *ctx;
    struct ring *ring;
    struct frame *filling; /* NULL: none has been begun */
    ZSTD_CCtx *one;        /* of one long frame, instead of the ring */
    char *out;
};

static void *begin(const void *ctx)
{
    const struct zstd_spec *spec = ctx;
    ZSTD_CCtx *c = ZSTD_createCCtx();

    if (!c)
        abort(); /* out of memory, as everywhere */
    (void)ZSTD_CCtx_setParameter(c, ZSTD_c_compressionLevel, spec->level);
    (void)ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, 1);
    return c;
}

static void work(void *state, void *piece)
{
    struct frame *f = piece;

    f->out_len = ZSTD_compress2(state, f->out, f->room, f->in, f->len);
}

static void end(void *state)
{
    (void)ZSTD_freeCCtx(state);
}

static void release(void *piece)
{
    struct frame *f = piece;

    free(f->in);
    free(f->out);
}

static const struct ring_work compressing = { sizeof(struct frame), begin, work, end, release };

struct zstd *zstd_open(const struct zstd_spec *spec, archive_sink_fn *sink, void *ctx)
{
    struct zstd *z = xcalloc(1, sizeof *z);

    *z = (struct zstd){ .spec = *spec, .sink = sink, .ctx = ctx };
    if (spec->frame > 0) {
        z->ring = ring_open(&compressing, &z->spec, spec->threads, spec->threads * PIECES_EACH);
    } else {
        z->one = begin(spec);
        z->out = xmalloc(ZSTD_CStreamOutSize());
    }
    return z;
}

static int zstd_fail(size_t code, struct err *e)
{
    return err_set(e, ERR_SYSTEM, 0, "zstd: %s", ZSTD_getErrorName(code));
}

static int put_one(struct zstd *z, const void *data, size_t len, bool last, struct err *e)
{
    ZSTD_inBuffer in = { data, len, 0 };
    size_t left;

    do {
        ZSTD_outBuffer to = { z->out, ZSTD_CStreamOutSize(), 0 };
        left = ZSTD_compressStream2(z->one, &to, &in, last ? ZSTD_e_end : ZSTD_e_continue);
        if (ZSTD_isError(left))
            return zstd_fail(left, e);
        if (to.pos > 0 && z->sink(z->ctx, z->out, to.pos, e) < 0)
            return -1;
    } while (in.pos < in.size || (last && left > 0));
    return 0;
}

static int put_oldest(struct zstd *z, struct err *e)
{
    const struct frame *f = ring_oldest(z->ring);
    int result = ZSTD_isError(f->out_len) ? zstd_fail(f->out_len, e) : z->sink(z->ctx, f->out, f->out_len, e);

    ring_drop(z->ring);
    return result;
}

static int start_frame(struct zstd *z, struct err *e)
{
    struct frame *f;

    while (!(f = ring_fresh(z->ring)))
        if (put_oldest(z, e) < 0)
            return -1;
    f->room = ZSTD_compressBound(z->spec.frame);
    f->in = f->in ? f->in : xmalloc(z->spec.frame);
    f->out = f->out ? f->out : xmalloc(f->room);
    f->len = 0;
    z->filling = f;
    return 0;
}

static void end_frame(struct zstd *z)
{
    z->filling = NULL;
    ring_submit(z->ring);
}

int zstd_put(struct zstd *z, const void *data, size_t len, bool last, struct err *e)
{
    if (z->one)
        return put_one(z, data, len, last, e);
    for (const char *at = data; len > 0;) {
        if (!z->filling && start_frame(z, e) < 0)
            return -1;
        size_t room = z->spec.frame - z->filling->len, n = len < room ? len : room;
        memcpy(z->filling->in + z->filling->len, at, n);
        z->filling->len += n;
        at += n;
        len -= n;
        if (n == room)
            end_frame(z);
    }
    if (!last)
        return 0;
    if (z->filling)
        end_frame(z);
    while (ring_oldest(z->ring))
        if (put_oldest(z, e) < 0)
            return -1;
    return 0;
}

void zstd_close(struct zstd *z)
{
    if (!z)
        return;
    ring_close(z->ring);
    end(z->one);
    free(z->out);
    free(z);
}

const char *zstd_version(void)
{
    return ZSTD_versionString();
}
