#include "cache/store/local.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LOCK_PAUSE_MS 100
#define LOCK_ROUNDS   10 /* between two calls of the one who waits */
#define TRIES         10 /* for a folder that somebody removes meanwhile */

static int fail(struct err *e, const struct store_draft *d, const char *what)
{
    return err_set(e, ERR_SYSTEM, errno, "%s in '%s': %s", what, d->folder, strerror(errno));
}

/* ---- The lock ---- */

static int lock(struct store_draft *d, store_wait_fn *waiting, void *ctx, struct err *e)
{
    d->lock = openat(d->dir, STORE_LOCK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (d->lock < 0)
        return fail(e, d, "open the lock");
    for (int round = 0; flock(d->lock, LOCK_EX | LOCK_NB) < 0; round++) {
        if (errno != EWOULDBLOCK)
            return fail(e, d, "lock");
        if (round % LOCK_ROUNDS == 0 && waiting && waiting(ctx, e) < 0)
            return -1;
        (void)poll(NULL, 0, LOCK_PAUSE_MS);
    }
    return 0;
}

/* ---- The file ---- */

static int open_folder(const char *file, struct store_draft *d, struct err *e)
{
    const char *slash = strrchr(file, '/');

    d->folder = slash ? xstrndup(file, (size_t)(slash - file) + (slash == file)) : xstrdup(".");
    d->name = xstrdup(slash ? slash + 1 : file);
    if (dir_make(d->folder, 0700, e) < 0)
        return -1;
    d->dir = open(d->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return d->dir < 0 ? fail(e, d, "open the folder") : 0;
}

/* Who removes a cache takes its lock and its folder away, perhaps between two of our steps or while we wait:
 * then all begins anew. 1: it went away. */
static int open_and_lock(const char *file, store_wait_fn *waiting, void *ctx, struct store_draft *out, struct err *e)
{
    auto_err problem = ERR_INIT;
    struct stat st;

    *out = (struct store_draft)STORE_DRAFT_INIT;
    if (open_folder(file, out, &problem) == 0 && lock(out, waiting, ctx, &problem) == 0)
        return fstat(out->lock, &st) == 0 && st.st_nlink == 0;
    return problem.code == ENOENT ? 1 : err_move(e, &problem);
}

int store_begin(const char *file, store_wait_fn *waiting, void *ctx, struct store_draft *out, struct err *e)
{
    int rc = open_and_lock(file, waiting, ctx, out, e);

    for (int tries = 1; rc > 0 && tries < TRIES; tries++) {
        store_release(out);
        rc = open_and_lock(file, waiting, ctx, out, e);
    }
    if (rc != 0)
        return rc < 0 ? -1
                      : err_set(e, ERR_SYSTEM, ENOENT, "the folder '%s' goes away each time that it is made", out->folder);
    out->fd = openat(out->dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    return out->fd < 0 ? fail(e, out, "make a file") : 0;
}

/* A file without a name can be given one only where there is none: so one beside it, and then a rename. */
static int name_it(struct store_draft *d, int fd, const char *name, struct err *e)
{
    auto_free char *source = xasprintf("/proc/self/fd/%d", fd);
    auto_free char *beside = xasprintf(".%s.new", name);

    (void)unlinkat(d->dir, beside, 0); /* of one that was killed between the two */
    if (linkat(AT_FDCWD, source, d->dir, beside, AT_SYMLINK_FOLLOW) < 0 || renameat(d->dir, beside, d->dir, name) < 0)
        return fail(e, d, "name the file");
    return 0;
}

static char *metadata_text(const struct strvec *metadata)
{
    json_t *object = json_object();

    for (size_t i = 0; metadata && i < metadata->n; i++) {
        const char *equals = strchr(metadata->items[i], '=');
        auto_free char *key = xstrndup(metadata->items[i], strcspn(metadata->items[i], "="));
        json_object_set_new(object, key, json_string(equals ? equals + 1 : ""));
    }
    char *text = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(object);
    return text;
}

static int write_metadata(struct store_draft *d, const struct strvec *metadata, struct err *e)
{
    auto_free char *text = metadata_text(metadata);
    auto_close int fd = openat(d->dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0640);

    if (fd < 0)
        return fail(e, d, "make a file");
    if (fd_write(fd, text ? text : "{}", strlen(text ? text : "{}"), e) < 0)
        return -1;
    return name_it(d, fd, STORE_METADATA, e);
}

int store_commit(struct store_draft *d, int64_t mtime, const struct strvec *metadata, struct err *e)
{
    const struct timespec times[] = { { .tv_nsec = UTIME_OMIT },
                                      { .tv_sec = mtime, .tv_nsec = mtime < 0 ? UTIME_NOW : 0 } };

    if (futimens(d->fd, times) < 0)
        return fail(e, d, "date the file");
    return name_it(d, d->fd, d->name, e) < 0 || write_metadata(d, metadata, e) < 0 ? -1 : 0;
}

void store_release(struct store_draft *d)
{
    int *const fds[] = { &d->fd, &d->lock, &d->dir };

    for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
        if (*fds[i] >= 0)
            (void)close(*fds[i]);
        *fds[i] = -1;
    }
    free(d->folder);
    free(d->name);
    *d = (struct store_draft)STORE_DRAFT_INIT;
}

void store_note_use(const char *file)
{
    const char *slash = strrchr(file, '/');
    auto_free char *path = xasprintf("%.*s%s", slash ? (int)(slash + 1 - file) : 0, file, STORE_HITS);
    auto_close int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd >= 0)
        (void)fd_write(fd, ".", 1, NULL);
}
