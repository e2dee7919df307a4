#include "cache/archive/output.h"

#include <errno.h>
#include <string.h>

enum {
    WAITING_BYTES = 8 << 20, WAITING = 1024, ROOMS = 64,
    BATCH = 16, BATCH_BYTES = 1 << 18, /* small files are made by the batch: waking a thread costs as much as making one */
    BATCH_MOST = 64,
};

struct write {
    struct output *file;
    struct block *block;
    const char *data;
    size_t len;
    int64_t offset;
};

struct outputs {
    struct tree model;
    pthread_mutex_t lock;
    pthread_cond_t more, less; /* there is something to write; something has been written */
    struct write queue[WAITING];
    size_t put, got, done; /* counters that only grow */
    size_t bytes;          /* not written yet */
    size_t unheard, unheard_bytes; /* put since a thread was last woken for it */
    struct blocks *rooms;
    bool over;
    _Atomic bool failed;
    struct err e;
    unsigned replaced;
    int n_threads;
    pthread_t threads[];
};

struct output *output_new(const char *name, const struct attributes *as)
{
    size_t len = strlen(name) + 1;
    struct output *file = xcalloc(1, sizeof *file + len);

    file->as = *as;
    file->fd = -1;
    atomic_init(&file->users, 1);
    (void)pthread_mutex_init(&file->turn, NULL);
    memcpy(file->name, name, len);
    const char *slash = strrchr(name, '/');
    file->folder_len = slash ? (size_t)(slash - name) : 0;
    return file;
}

bool outputs_failed(struct outputs *o)
{
    return atomic_load_explicit(&o->failed, memory_order_relaxed);
}

int outputs_fail(struct outputs *o, struct err *e)
{
    (void)pthread_mutex_lock(&o->lock);
    if (!outputs_failed(o))
        (void)err_move(&o->e, e);
    atomic_store(&o->failed, true);
    (void)pthread_cond_broadcast(&o->less);
    (void)pthread_mutex_unlock(&o->lock);
    err_release(e);
    return -1;
}

static int write_at(const struct output *file, const char *data, size_t len, int64_t offset, struct err *e)
{
    while (len > 0) {
        ssize_t n = pwrite(file->fd, data, len, offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_set(e, ERR_SYSTEM, errno, "write '%s': %s", file->name, strerror(errno));
        data += n;
        len -= (size_t)n;
        offset += n;
    }
    return 0;
}

static int finish(const struct tree *t, struct output *file, struct err *e)
{
    struct stat st;

    if (file->size > 0 && fstat(file->fd, &st) == 0 && st.st_size < file->size && ftruncate(file->fd, file->size) < 0)
        return err_set(e, ERR_SYSTEM, errno, "write '%s': %s", file->name, strerror(errno));
    return tree_finish(t, file->fd, &file->as, file->name, e);
}

static int close_file(struct output *file, struct err *e)
{
    int fd = take_fd(&file->fd);

    if (close(fd) < 0 && errno != EINTR) /* a file system over the network may only now say that it is full */
        return err_set(e, ERR_SYSTEM, errno, "write '%s': %s", file->name, strerror(errno));
    return 0;
}

void output_drop(struct outputs *o, const struct tree *t, struct output *file)
{
    auto_err e = ERR_INIT;

    if (atomic_fetch_sub(&file->users, 1) > 1)
        return;
    if (file->fd >= 0) {
        if (!outputs_failed(o) && finish(t, file, &e) < 0)
            (void)outputs_fail(o, &e);
        if (close_file(file, &e) < 0)
            (void)outputs_fail(o, &e);
    }
    (void)pthread_mutex_destroy(&file->turn);
    free(file);
}

static int write_piece(const struct write *w, struct err *e)
{
    (void)pthread_mutex_lock(&w->file->turn);
    int result = write_at(w->file, w->data, w->len, w->offset, e);
    (void)pthread_mutex_unlock(&w->file->turn);
    return result;
}

static int write_whole(struct tree *t, const struct write *w, struct err *e)
{
    struct output *file = w->file;

    file->fd = tree_create(t, file->name, file->as.mode, e);
    if (file->fd < 0)
        return -1;
    if (write_at(file, w->data, w->len, 0, e) == 0 && tree_finish(t, file->fd, &file->as, file->name, e) == 0)
        return close_file(file, e);
    (void)close_file(file, NULL);
    tree_remove(t, file->name);
    return -1;
}

/* More of them than may wait to be written, so that nobody waits for one. */
struct block *outputs_room(struct outputs *o)
{
    return blocks_take(o->rooms, OUTPUT_PIECE, true);
}

static void carry_out(struct outputs *o, struct tree *t, struct write *w)
{
    auto_err e = ERR_INIT;
    bool whole = w->file->fd < 0;

    if (!outputs_failed(o)) {
        if ((whole ? write_whole(t, w, &e) : write_piece(w, &e)) < 0)
            (void)outputs_fail(o, &e);
    }
    block_drop(w->block);
    output_drop(o, t, w->file);
}

static bool share_folder(const struct output *a, const struct output *b)
{
    return a->folder_len == b->folder_len && memcmp(a->name, b->name, a->folder_len) == 0;
}

/* The kernel lets one thread at a time make something in a folder: so a batch does not end in the middle of one. */
static bool goes_along(const struct write *batch, size_t n, const struct write *w)
{
    return n < BATCH || (n < BATCH_MOST && share_folder(batch[n - 1].file, w->file));
}

/* Some writes, at most BATCH_MOST and hardly more than BATCH_BYTES; 0: there are no more. */
static size_t next(struct outputs *o, struct write out[BATCH_MOST])
{
    size_t n = 0, bytes = 0;

    while (o->got == o->put && !o->over)
        (void)pthread_cond_wait(&o->more, &o->lock);
    while (bytes < BATCH_BYTES && o->got < o->put && goes_along(out, n, &o->queue[o->got % WAITING])) {
        out[n] = o->queue[o->got++ % WAITING];
        bytes += out[n++].len;
    }
    return n;
}

static void *work(void *ctx)
{
    struct outputs *o = ctx;
    struct tree t = o->model;
    struct write batch[BATCH_MOST];
    size_t n;

    (void)pthread_mutex_lock(&o->lock);
    while ((n = next(o, batch)) > 0) {
        size_t bytes = 0;
        (void)pthread_mutex_unlock(&o->lock);
        for (size_t i = 0; i < n; i++) {
            bytes += batch[i].len;
            carry_out(o, &t, &batch[i]);
        }
        (void)pthread_mutex_lock(&o->lock);
        o->bytes -= bytes;
        o->done += n;
        (void)pthread_cond_broadcast(&o->less);
    }
    o->replaced += t.replaced;
    (void)pthread_mutex_unlock(&o->lock);
    tree_release(&t);
    return NULL;
}

struct outputs *outputs_open(const struct tree *model, int threads)
{
    struct outputs *o = xcalloc(1, sizeof *o + (size_t)threads * sizeof o->threads[0]);

    o->model = *model;
    o->rooms = blocks_open(ROOMS);
    (void)pthread_mutex_init(&o->lock, NULL);
    (void)pthread_cond_init(&o->more, NULL);
    (void)pthread_cond_init(&o->less, NULL);
    while (o->n_threads < threads && pthread_create(&o->threads[o->n_threads], NULL, work, o) == 0)
        o->n_threads++;
    if (o->n_threads == 0)
        abort();
    return o;
}

static void wake(struct outputs *o)
{
    o->unheard = o->unheard_bytes = 0;
    (void)pthread_cond_broadcast(&o->more);
}

static bool is_full(const struct outputs *o, size_t len)
{
    return o->put - o->got == WAITING || (o->bytes > 0 && o->bytes + len > WAITING_BYTES);
}

static void put(struct outputs *o, const struct write *w)
{
    atomic_fetch_add(&w->file->users, 1);
    o->queue[o->put++ % WAITING] = *w;
    o->bytes += w->len;
    o->unheard++;
    o->unheard_bytes += w->len;
    if (o->unheard < BATCH && o->unheard_bytes < BATCH_BYTES)
        return;
    o->unheard = o->unheard_bytes = 0;
    (void)pthread_cond_signal(&o->more);
}

int outputs_put(struct outputs *o, struct output *file, struct block *block, const char *data, size_t len, int64_t offset)
{
    (void)pthread_mutex_lock(&o->lock);
    while (!outputs_failed(o) && is_full(o, len)) {
        wake(o);
        (void)pthread_cond_wait(&o->less, &o->lock);
    }
    bool failed = outputs_failed(o);
    if (!failed)
        put(o, &(struct write){ file, block, data, len, offset });
    (void)pthread_mutex_unlock(&o->lock);
    if (failed)
        block_drop(block);
    return failed ? -1 : 0;
}

void outputs_wake(struct outputs *o)
{
    (void)pthread_mutex_lock(&o->lock);
    wake(o);
    (void)pthread_mutex_unlock(&o->lock);
}

void outputs_drain(struct outputs *o)
{
    (void)pthread_mutex_lock(&o->lock);
    wake(o);
    while (o->done < o->put)
        (void)pthread_cond_wait(&o->less, &o->lock);
    (void)pthread_mutex_unlock(&o->lock);
}

int outputs_close(struct outputs *o, unsigned *replaced, struct err *e)
{
    (void)pthread_mutex_lock(&o->lock);
    o->over = true;
    (void)pthread_cond_broadcast(&o->more);
    (void)pthread_mutex_unlock(&o->lock);
    for (int i = 0; i < o->n_threads; i++)
        (void)pthread_join(o->threads[i], NULL);
    int result = outputs_failed(o) ? err_move(e, &o->e) : 0;
    *replaced += o->replaced;
    blocks_close(o->rooms);
    (void)pthread_mutex_destroy(&o->lock);
    (void)pthread_cond_destroy(&o->more);
    (void)pthread_cond_destroy(&o->less);
    free(o);
    return result;
}
