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
#define TRIES         10 /* for a folder that somebody removes meanwhile */

static int fail(struct err *e, const struct store_draft *d, const char *what)
{
    return err_set(e, ERR_SYSTEM, errno, "%s in '%s': %s", what, d->folder, strerror(errno));
}

/* ---- The lock ---- */

/* 0 when it is ours, 1 when who held it removed the folder meanwhile. */
static int lock(struct store_draft *d, store_wait_fn *waiting, void *ctx, struct err *e)
{
    auto_close int fd = openat(d->dir, STORE_LOCK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    struct stat st;

    if (fd < 0)
        return errno == ENOENT ? 1 : fail(e, d, "open the lock");
    for (int round = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; round++) {
        if (errno != EWOULDBLOCK)
            return fail(e, d, "lock");
        if (waiting && waiting(ctx, round == 0, e) < 0)
            return -1;
        (void)poll(NULL, 0, LOCK_PAUSE_MS);
    }
    if (fstat(fd, &st) < 0 || st.st_nlink == 0)
        return 1;
    d->lock = fd;
    fd = -1;
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

static char *name_beside(const char *name)
{
    return xasprintf(".%s.new", name);
}

static void remove_beside(const struct store_draft *d, const char *name)
{
    auto_free char *beside = name_beside(name);

    (void)unlinkat(d->dir, beside, 0);
}

/* A file that has no name, and so is gone when we are; on file systems that know none of those (NFS, older
 * overlays), one with a name that whoever writes next removes. */
static int open_new(const struct store_draft *d, const char *name, mode_t mode)
{
    auto_free char *beside = name_beside(name);

    remove_beside(d, name); /* of one that was killed */
    int fd = openat(d->dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, mode);
    if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR))
        fd = openat(d->dir, beside, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    return fd;
}

/* Who removes a cache takes its lock and its folder away, perhaps between two of our steps or while we wait.
 * 1: it went away. */
static int open_and_lock(const char *file, store_wait_fn *waiting, void *ctx, struct store_draft *out, struct err *e)
{
    auto_err problem = ERR_INIT;

    *out = (struct store_draft)STORE_DRAFT_INIT;
    int rc = open_folder(file, out, &problem) < 0 ? -1 : lock(out, waiting, ctx, &problem);
    if (rc < 0)
        return problem.code == ENOENT ? 1 : err_move(e, &problem);
    return rc;
}

int store_begin(const char *file, store_wait_fn *waiting, void *ctx, struct store_draft *out, struct err *e)
{
    int rc = open_and_lock(file, waiting, ctx, out, e);

    for (int tries = 1; rc > 0 && tries < TRIES; tries++) {
        store_release(out);
        rc = open_and_lock(file, waiting, ctx, out, e);
    }
    if (rc > 0)
        return err_set(e, ERR_SYSTEM, ENOENT, "the folder '%s' goes away each time that it is made", out->folder);
    if (rc < 0)
        return -1;
    out->fd = open_new(out, out->name, 0600);
    return out->fd < 0 ? fail(e, out, "make a file") : 0;
}

/* A file without a name can be given one only where there is none: so one beside it, and then a rename. */
static int name_it(struct store_draft *d, int fd, const char *name, struct err *e)
{
    auto_free char *source = xasprintf("/proc/self/fd/%d", fd);
    auto_free char *beside = name_beside(name);
    struct stat st;

    if (fstat(fd, &st) < 0)
        return fail(e, d, "look at the new file");
    if (st.st_nlink == 0 && linkat(AT_FDCWD, source, d->dir, beside, AT_SYMLINK_FOLLOW) < 0)
        return fail(e, d, "name the new file");
    return renameat(d->dir, beside, d->dir, name) < 0 ? fail(e, d, "name the new file") : 0;
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
    auto_close int fd = open_new(d, STORE_METADATA, 0640);

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

    if (d->lock >= 0 && d->name) {
        remove_beside(d, d->name);
        remove_beside(d, STORE_METADATA);
    }
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
