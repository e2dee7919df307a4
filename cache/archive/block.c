#include "cache/archive/block.h"

#include "base/memory.h"

#include <pthread.h>

struct blocks {
    pthread_mutex_t lock;
    pthread_cond_t back;
    struct block *free;
    unsigned made, most;
    void (*before_waiting)(void *ctx);
    void *ctx;
};

struct blocks *blocks_open(unsigned most)
{
    struct blocks *pool = xcalloc(1, sizeof *pool);

    pool->most = most;
    (void)pthread_mutex_init(&pool->lock, NULL);
    (void)pthread_cond_init(&pool->back, NULL);
    return pool;
}

static void release(struct block *b)
{
    free(b->data);
    free(b);
}

void blocks_close(struct blocks *pool)
{
    if (!pool)
        return;
    while (pool->free) {
        struct block *b = pool->free;
        pool->free = b->next;
        release(b);
    }
    (void)pthread_mutex_destroy(&pool->lock);
    (void)pthread_cond_destroy(&pool->back);
    free(pool);
}

void blocks_before_waiting(struct blocks *pool, void (*call)(void *ctx), void *ctx)
{
    pool->before_waiting = call;
    pool->ctx = ctx;
}

/* One that is free or not made yet, still without its bytes; NULL: there is none. */
static struct block *take_free(struct blocks *pool)
{
    struct block *b = pool->free;

    if (b) {
        pool->free = b->next;
    } else if (pool->made < pool->most) {
        pool->made++;
        b = xcalloc(1, sizeof *b);
        b->pool = pool;
    }
    return b;
}

static struct block *wait_for_free(struct blocks *pool)
{
    struct block *b;

    if (pool->before_waiting)
        pool->before_waiting(pool->ctx);
    (void)pthread_mutex_lock(&pool->lock);
    while (!(b = take_free(pool)))
        (void)pthread_cond_wait(&pool->back, &pool->lock);
    (void)pthread_mutex_unlock(&pool->lock);
    return b;
}

/* The caller's alone. What it held is of no use, so it is not moved. */
static struct block *make_ready(struct block *b, size_t size)
{
    if (b->size < size) {
        free(b->data);
        b->data = xmalloc(size);
        b->size = size;
    }
    atomic_store_explicit(&b->users, 1, memory_order_relaxed);
    return b;
}

struct block *block_new(size_t size)
{
    return make_ready(xcalloc(1, sizeof(struct block)), size + 1); /* never without bytes */
}

struct block *blocks_take(struct blocks *pool, size_t size, bool may_wait)
{
    (void)pthread_mutex_lock(&pool->lock);
    struct block *b = take_free(pool);
    (void)pthread_mutex_unlock(&pool->lock);
    if (!b && may_wait)
        b = wait_for_free(pool);
    return b ? make_ready(b, size) : NULL;
}

struct block *block_hold(struct block *b)
{
    (void)atomic_fetch_add_explicit(&b->users, 1, memory_order_relaxed);
    return b;
}

void block_drop(struct block *b)
{
    if (!b || atomic_fetch_sub(&b->users, 1) > 1)
        return;
    struct blocks *pool = b->pool;
    if (!pool) {
        release(b);
        return;
    }
    (void)pthread_mutex_lock(&pool->lock);
    b->next = pool->free;
    pool->free = b;
    (void)pthread_cond_signal(&pool->back);
    (void)pthread_mutex_unlock(&pool->lock);
}
