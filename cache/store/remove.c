#include "cache/store/walk.h"

#include "base/text.h"
#include "cache/store/beneath.h"
#include "cache/store/local.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int fail(struct err *e, const char *verb, const struct store_entry *t)
{
    auto_free char *shown = text_quote(t->path);

    return err_set(e, errno == ENOENT ? ERR_NOT_FOUND : ERR_SYSTEM, errno, "%s '%s': %s", verb, shown, strerror(errno));
}

int store_archive_open(int root, const struct store_entry *t, int *out, struct err *e)
{
    auto_close int dir = beneath_folder(root, t->path, strlen(t->path));

    *out = dir < 0 ? -1 : beneath_file(dir, STORE_ARCHIVE, O_RDONLY);
    return *out < 0 ? fail(e, "open the cache", t) : 0;
}

/* What is no regular file is no lock: no writer gets in there either. *lock is -1 then. */
static int take_lock(int dir, const struct store_entry *t, int *lock, enum store_outcome *out, struct err *e)
{
    struct stat st;

    *lock = openat(dir, STORE_LOCK, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (*lock >= 0 && fstat(dir, &st) == 0)
        (void)!fchown(*lock, st.st_uid, st.st_gid); /* should it stay: writers may have another root */
    else if (errno == EEXIST)
        *lock = beneath_file(dir, STORE_LOCK, O_RDWR);
    if (*lock < 0 && errno != EINVAL)
        return errno == ENOENT ? 0 : fail(e, "open the lock of", t);
    if (*lock >= 0 && flock(*lock, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK)
            return fail(e, "lock", t);
        *out = STORE_IN_USE;
    } else if (*lock >= 0 && fstat(*lock, &st) == 0 && st.st_nlink == 0) /* another one was made meanwhile */
        *out = STORE_IN_USE;
    return 0;
}

bool store_is_locked(int root, const struct store_entry *t)
{
    auto_close int dir = beneath_folder(root, t->path, strlen(t->path));

    return dir >= 0 && beneath_locked(dir, STORE_LOCK);
}

/* Somebody has written or used it since. */
static bool has_changed(int dir, const struct store_entry *t)
{
    struct stat archive, hits;
    bool is_there = fstatat(dir, STORE_ARCHIVE, &archive, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(archive.st_mode);
    bool was_used = fstatat(dir, STORE_HITS, &hits, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(hits.st_mode) &&
                    hits.st_size != t->hits;

    if (!t->has_archive)
        return is_there;
    return was_used || (is_there && beneath_changed(&archive) != t->changed);
}

static int remove_file(int dir, const char *name, const struct store_entry *t, struct err *e)
{
    if (unlinkat(dir, name, 0) == 0 || errno == ENOENT || errno == EISDIR)
        return 0;
    return fail(e, "remove a file of", t);
}

static int remove_leftovers(int dir, const struct store_entry *t, int64_t now, struct err *e)
{
    int fd = beneath_step(dir, ".");
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *found;
    struct stat st;
    int rc = 0;

    if (!d) {
        rc = fail(e, "list", t);
        cleanup_close(&fd);
        return rc;
    }
    while (rc == 0 && (found = readdir(d)))
        if (store_is_leftover(found->d_name) && fstatat(dir, found->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(st.st_mode) && now - st.st_mtime > STORE_LEFTOVER_AGE)
            rc = remove_file(dir, found->d_name, t, e);
    (void)closedir(d);
    return rc;
}

static int remove_cache(int dir, const struct store_entry *t, struct err *e)
{
    static const char *const names[] = { STORE_ARCHIVE, STORE_METADATA, STORE_HITS };

    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (remove_file(dir, names[i], t, e) < 0)
            return -1;
    return 0;
}

/* From the entry's own up to the project's, which containers may have mounted. One that is not empty ends it. */
static void remove_folders(int root, const struct store_entry *t)
{
    for (size_t len = strlen(t->path); len > t->below;) {
        size_t above = len;
        while (above > 0 && t->path[above - 1] != '/')
            above--;
        auto_close int dir = beneath_folder(root, t->path, above);
        auto_free char *name = xstrndup(t->path + above, len - above);
        if (dir < 0 || unlinkat(dir, name, AT_REMOVEDIR) < 0)
            return;
        len = above > 0 ? above - 1 : 0;
    }
}

static int remove_locked(int root, int dir, const struct store_entry *t, int64_t now, struct err *e)
{
    bool whole = t->fate != FATE_LEFTOVER || !t->has_archive;

    if (remove_leftovers(dir, t, now, e) < 0)
        return -1;
    if (!whole)
        return 0;
    if (remove_cache(dir, t, e) < 0 || remove_file(dir, STORE_LOCK, t, e) < 0)
        return -1;
    remove_folders(root, t);
    return 0;
}

int store_remove(int root, const struct store_entry *t, int64_t now, enum store_outcome *out, struct err *e)
{
    auto_close int dir = beneath_folder(root, t->path, strlen(t->path));
    auto_close int lock = -1;

    *out = STORE_REMOVED;
    if (dir < 0)
        return errno == ENOENT ? 0 : fail(e, "open", t);
    if (take_lock(dir, t, &lock, out, e) < 0)
        return -1;
    if (*out == STORE_IN_USE)
        return 0;
    if (has_changed(dir, t)) {
        *out = STORE_IN_USE;
        return 0;
    }
    return remove_locked(root, dir, t, now, e);
}
