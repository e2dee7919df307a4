#include "cache/archive/ring.h"

#include "base/memory.h"

#include <pthread.h>

struct ring {
    const struct ring_work *how;
    const void *ctx;
    pthread_mutex_t lock;
    pthread_cond_t work, done;
    bool over;
    char *pieces;
    bool *ready;
    size_t size, filled, started, dropped; /* the counters only grow */
    int n_threads;
    pthread_t threads[];
};

static void *piece(const struct ring *r, size_t number)
{
    return r->pieces + number % r->size * r->how->size;
}

/* Whether there is one more; *number is it. */
static bool next(struct ring *r, size_t *number)
{
    (void)pthread_mutex_lock(&r->lock);
    while (r->started == r->filled && !r->over)
        (void)pthread_cond_wait(&r->work, &r->lock);
    bool more = r->started < r->filled;
    *number = r->started;
    r->started += more;
    (void)pthread_mutex_unlock(&r->lock);
    return more;
}

static void *run(void *ctx)
{
    struct ring *r = ctx;
    void *state = r->how->begin(r->ctx);
    size_t number;

    while (next(r, &number)) {
        r->how->work(state, piece(r, number));
        (void)pthread_mutex_lock(&r->lock);
        r->ready[number % r->size] = true;
        (void)pthread_cond_signal(&r->done);
        (void)pthread_mutex_unlock(&r->lock);
    }
    r->how->end(state);
    return NULL;
}

struct ring *ring_open(const struct ring_work *how, const void *ctx, int threads, int pieces)
{
    struct ring *r = xcalloc(1, sizeof *r + (size_t)threads * sizeof r->threads[0]);

    r->how = how;
    r->ctx = ctx;
    r->size = (size_t)pieces;
    r->pieces = xcalloc(r->size, how->size);
    r->ready = xcalloc(r->size, sizeof *r->ready);
    (void)pthread_mutex_init(&r->lock, NULL);
    (void)pthread_cond_init(&r->work, NULL);
    (void)pthread_cond_init(&r->done, NULL);
    while (r->n_threads < threads && pthread_create(&r->threads[r->n_threads], NULL, run, r) == 0)
        r->n_threads++;
    if (r->n_threads == 0)
        abort();
    return r;
}

void *ring_fresh(struct ring *r)
{
    return r->filled - r->dropped < r->size ? piece(r, r->filled) : NULL;
}

void ring_submit(struct ring *r)
{
    (void)pthread_mutex_lock(&r->lock);
    r->ready[r->filled++ % r->size] = false;
    (void)pthread_cond_signal(&r->work);
    (void)pthread_mutex_unlock(&r->lock);
}

bool ring_is_empty(const struct ring *r)
{
    return r->dropped == r->filled;
}

void *ring_oldest(struct ring *r)
{
    if (ring_is_empty(r))
        return NULL;
    (void)pthread_mutex_lock(&r->lock);
    while (!r->ready[r->dropped % r->size])
        (void)pthread_cond_wait(&r->done, &r->lock);
    (void)pthread_mutex_unlock(&r->lock);
    return piece(r, r->dropped);
}

void ring_drop(struct ring *r)
{
    r->dropped++;
}

void ring_close(struct ring *r)
{
    if (!r)
        return;
    (void)pthread_mutex_lock(&r->lock);
    r->over = true;
    (void)pthread_cond_broadcast(&r->work);
    (void)pthread_mutex_unlock(&r->lock);
    for (int i = 0; i < r->n_threads; i++)
        (void)pthread_join(r->threads[i], NULL);
    for (size_t i = 0; i < r->size; i++)
        r->how->release(piece(r, i));
    free(r->pieces);
    free(r->ready);
    (void)pthread_mutex_destroy(&r->lock);
    (void)pthread_cond_destroy(&r->work);
    (void)pthread_cond_destroy(&r->done);
    free(r);
}
