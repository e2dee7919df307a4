#include "cache/archive/deflate.h"

#include "base/memory.h"

#include <assert.h>
#include <libdeflate.h>
#include <string.h>
#include <zlib.h>

enum {
    PER_THREAD = 8, /* pieces under way: as many as keep a thread busy while another has a hard one */
    PROBE = 1 << 14,
    BLOCK = 65535, /* the most a stored block holds */
    ROOM = DEFLATE_PIECE + DEFLATE_PIECE / 64 + 1024,
};

/* What a thread has. */
struct deflater {
    struct libdeflate_compressor *compressor, *probe;
    bool plain;
    z_stream z; /* decodes, see open_end() */
    unsigned char scratch[DEFLATE_PIECE];
};

static void *begin(const void *ctx)
{
    const int *level = ctx;
    struct deflater *d = xcalloc(1, sizeof *d);

    d->plain = *level == 0;
    d->compressor = libdeflate_alloc_compressor(*level);
    d->probe = libdeflate_alloc_compressor(1);
    if (!d->compressor || !d->probe || inflateInit2(&d->z, -MAX_WBITS) != Z_OK)
        abort(); /* out of memory, as everywhere */
    return d;
}

static void end(void *state)
{
    struct deflater *d = state;

    libdeflate_free_compressor(d->compressor);
    libdeflate_free_compressor(d->probe);
    (void)inflateEnd(&d->z);
    free(d);
}

/* As stored blocks within a deflate stream: for what does not shrink, at a tenth of the time. */
static void store(struct piece *p)
{
    const unsigned char *data = p->in;
    unsigned char *out = p->room;
    size_t left = p->len;

    do {
        size_t n = left < BLOCK ? left : BLOCK;
        left -= n;
        *out++ = p->last && left == 0;
        *out++ = (unsigned char)n;
        *out++ = (unsigned char)(n >> 8);
        *out++ = (unsigned char)~n;
        *out++ = (unsigned char)(~n >> 8);
        memcpy(out, data, n);
        out += n;
        data += n;
    } while (left > 0);
    p->out_len = (size_t)(out - p->room);
}

static bool shrinks(struct deflater *d, struct piece *p)
{
    if (p->len < 4 * (size_t)PROBE)
        return true;
    size_t n = libdeflate_deflate_compress(d->probe, p->in, PROBE, p->room, ROOM);
    return n > 0 && n < PROBE - PROBE / 32;
}

/* Where the last block of the stream begins and ends, in bits. A block's end is known only to who decodes it. */
static void find_last_block(struct deflater *d, const struct piece *p, size_t *start, size_t *stop)
{
    enum { UNUSED_BITS = 7, LAST = 64, BLOCK_ENDS = 128 }; /* of z.data_type, with Z_BLOCK */

    (void)inflateReset(&d->z);
    d->z.next_in = p->room;
    d->z.avail_in = (unsigned)p->out_len;
    d->z.next_out = d->scratch;
    d->z.avail_out = sizeof d->scratch;
    *start = *stop = 0;
    do {
        *start = *stop;
        int result = inflate(&d->z, Z_BLOCK);
        assert(result == Z_OK && (d->z.data_type & BLOCK_ENDS));
        (void)result;
        *stop = 8 * (p->out_len - d->z.avail_in) - (size_t)(d->z.data_type & UNUSED_BITS);
    } while (!(d->z.data_type & LAST));
}

/* The last block is no longer called the last, and an empty stored block behind it ends on a byte: so the next
 * piece can follow. */
static void open_end(struct deflater *d, struct piece *p)
{
    enum { HEADER_BITS = 3 };
    size_t start, stop;

    find_last_block(d, p, &start, &stop);
    p->room[start / 8] &= (unsigned char)~(1U << start % 8);
    size_t n = (stop + HEADER_BITS + 7) / 8;
    if (n > p->out_len)
        p->room[n - 1] = 0;
    memcpy(p->room + n, "\0\0\xff\xff", 4); /* its length, 0, and that inverted */
    p->out_len = n + 4;
}

static void work(void *state, void *piece)
{
    struct deflater *d = state;
    struct piece *p = piece;

    p->crc = libdeflate_crc32(0, p->in, p->len);
    p->out = p->room;
    p->plain = p->plain || d->plain;
    if (p->plain) {
        p->out = p->in;
        p->out_len = p->len;
    } else if (!shrinks(d, p)) {
        store(p);
    } else {
        p->out_len = libdeflate_deflate_compress(d->compressor, p->in, p->len, p->room, ROOM);
        assert(p->out_len > 0); /* ROOM is more than deflate ever needs */
        if (!p->last)
            open_end(d, p);
    }
}

static void release(void *piece)
{
    struct piece *p = piece;

    free(p->in);
    free(p->room);
}

static const struct ring_work deflating = { sizeof(struct piece), begin, work, end, release };

struct ring *deflater_open(const int *level, int threads)
{
    return ring_open(&deflating, level, threads, threads * PER_THREAD);
}

struct piece *deflater_fresh(struct ring *r)
{
    struct piece *p = ring_fresh(r);

    if (p)
        *p = (struct piece){ .in = p->in ? p->in : xmalloc(DEFLATE_PIECE), .room = p->room ? p->room : xmalloc(ROOM) };
    return p;
}
