#include "cache/archive/deflate.h"

#include "base/memory.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>
#include <zlib.h>

enum {
    PER_THREAD = 8, /* pieces under way: as many as keep a thread busy while another has a hard one */
    PROBE = 1 << 14,
    BLOCK = 65535, /* the most a stored block holds */
    ROOM = DEFLATE_PIECE + DEFLATE_PIECE / 64 + 1024,
};

struct deflater {
    int level;
    pthread_mutex_t lock;
    pthread_cond_t work, done;
    bool over;
    struct piece *pieces; /* a ring; the counters only grow */
    size_t size, filled, started, dropped;
    pthread_t *threads;
    int n_threads;
};

/* As stored blocks within a deflate stream: for what does not shrink, at a tenth of the time. */
static void store(struct piece *p)
{
    const unsigned char *data = piece_data(p);
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

static size_t run(z_stream *z, struct piece *p, size_t len, int flush)
{
    z->next_in = piece_data(p);
    z->avail_in = (unsigned)len;
    z->next_out = p->room;
    z->avail_out = ROOM;
    (void)deflate(z, flush);
    assert(z->avail_in == 0 && z->avail_out > 0); /* ROOM is more than deflate ever needs */
    return ROOM - z->avail_out;
}

static bool shrinks(z_stream *probe, struct piece *p)
{
    if (p->len < 4 * (size_t)PROBE)
        return true;
    (void)deflateReset(probe);
    return run(probe, p, PROBE, Z_FINISH) < PROBE - PROBE / 32;
}

static void compress_piece(z_stream *z, z_stream *probe, struct piece *p)
{
    p->crc = (uint32_t)crc32_z(0, piece_data(p), p->len);
    p->out = p->room;
    if (p->plain) {
        p->out = piece_data(p);
        p->out_len = p->len;
    } else if (!shrinks(probe, p)) {
        store(p);
    } else {
        (void)deflateReset(z);
        if (p->before > 0)
            (void)deflateSetDictionary(z, piece_data(p) - p->before, (unsigned)p->before);
        p->out_len = run(z, p, p->len, p->last ? Z_FINISH : Z_SYNC_FLUSH);
    }
}

static struct piece *next_piece(struct deflater *d)
{
    (void)pthread_mutex_lock(&d->lock);
    while (d->started == d->filled && !d->over)
        (void)pthread_cond_wait(&d->work, &d->lock);
    struct piece *p = d->started < d->filled ? &d->pieces[d->started++ % d->size] : NULL;
    (void)pthread_mutex_unlock(&d->lock);
    return p;
}

static void *work(void *ctx)
{
    struct deflater *d = ctx;
    z_stream z = { 0 }, probe = { 0 };
    struct piece *p;
    int level = d->level ? d->level : 1;

    if (deflateInit2(&z, level, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK ||
        deflateInit2(&probe, 1, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        abort(); /* out of memory, as everywhere */
    while ((p = next_piece(d))) {
        compress_piece(&z, &probe, p);
        (void)pthread_mutex_lock(&d->lock);
        p->done = true;
        (void)pthread_cond_signal(&d->done);
        (void)pthread_mutex_unlock(&d->lock);
    }
    (void)deflateEnd(&z);
    (void)deflateEnd(&probe);
    return NULL;
}

struct deflater *deflater_open(int level, int threads)
{
    struct deflater *d = xcalloc(1, sizeof *d);

    d->level = level;
    (void)pthread_mutex_init(&d->lock, NULL);
    (void)pthread_cond_init(&d->work, NULL);
    (void)pthread_cond_init(&d->done, NULL);
    d->size = (size_t)threads * PER_THREAD;
    d->pieces = xcalloc(d->size, sizeof *d->pieces);
    d->threads = xcalloc((size_t)threads, sizeof *d->threads);
    while (d->n_threads < threads && pthread_create(&d->threads[d->n_threads], NULL, work, d) == 0)
        d->n_threads++;
    if (d->n_threads == 0)
        abort();
    return d;
}

struct piece *deflater_fresh(struct deflater *d)
{
    if (d->filled - d->dropped == d->size)
        return NULL;
    struct piece *p = &d->pieces[d->filled % d->size];
    unsigned char *in = p->in ? p->in : xmalloc(DEFLATE_WINDOW + DEFLATE_PIECE);
    unsigned char *room = p->room ? p->room : xmalloc(ROOM);

    *p = (struct piece){ .in = in, .room = room };
    return p;
}

void deflater_submit(struct deflater *d, struct piece *p)
{
    p->plain = p->plain || d->level == 0;
    (void)pthread_mutex_lock(&d->lock);
    d->filled++;
    (void)pthread_cond_signal(&d->work);
    (void)pthread_mutex_unlock(&d->lock);
}

struct piece *deflater_oldest(struct deflater *d)
{
    if (d->dropped == d->filled)
        return NULL;
    struct piece *p = &d->pieces[d->dropped % d->size];
    (void)pthread_mutex_lock(&d->lock);
    while (!p->done)
        (void)pthread_cond_wait(&d->done, &d->lock);
    (void)pthread_mutex_unlock(&d->lock);
    return p;
}

void deflater_drop(struct deflater *d)
{
    d->dropped++;
}

void deflater_close(struct deflater *d)
{
    if (!d)
        return;
    (void)pthread_mutex_lock(&d->lock);
    d->over = true;
    (void)pthread_cond_broadcast(&d->work);
    (void)pthread_mutex_unlock(&d->lock);
    for (int i = 0; i < d->n_threads; i++)
        (void)pthread_join(d->threads[i], NULL);
    for (size_t i = 0; i < d->size; i++) {
        free(d->pieces[i].in);
        free(d->pieces[i].room);
    }
    free(d->pieces);
    free(d->threads);
    (void)pthread_mutex_destroy(&d->lock);
    (void)pthread_cond_destroy(&d->work);
    (void)pthread_cond_destroy(&d->done);
    free(d);
}
