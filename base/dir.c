#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

static int dir_error(struct err *e, const char *verb, const char *path)
{
    return err_set(e, ERR_SYSTEM, errno, "%s '%s': %s", verb, path, strerror(errno));
}

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

int dir_make(const char *path, mode_t mode, struct err *e)
{
    auto_free char *part = xstrdup(path);
    for (char *p = part; *p; p++) {
        if (p == part || *p != '/')
            continue;
        *p = '\0';
        if (mkdir(part, mode) < 0 && errno != EEXIST)
            return dir_error(e, "create folder", part);
        *p = '/';
    }
    if (mkdir(part, mode) < 0 && errno != EEXIST)
        return dir_error(e, "create folder", path);
    if (!is_folder(path))
        return err_set(e, ERR_SYSTEM, ENOTDIR, "create folder '%s': something else has that name", path);
    return 0;
}

int dir_temporary(const char *parent, const char *prefix, char **out, struct err *e)
{
    auto_free char *path = xasprintf("%s/%sXXXXXX", parent, prefix);
    if (!mkdtemp(path))
        return dir_error(e, "create a temporary folder in", parent);
    *out = take(&path);
    return 0;
}

/* --- removing a tree ---
 *
 * The tree may be a job's: hostile, deep, and still changing while we are root in
 * it. So nothing is named by a path: each step goes from an open folder to an entry
 * in it, without following links, and back up by ".." only to the very folder that
 * we came from. One descriptor is open at a time, however deep the tree is. */

struct level {
    uint64_t device, mount, inode; /* what the folder is, to recognise it on the way up */
    char *name;                    /* what it is called in the folder above; NULL for the top */
};

struct removal {
    const char *path; /* of the top, for errors */
    int fd;           /* the folder that is being emptied */
    struct level *levels;
    size_t n, size;
};

static void removal_release(struct removal *r)
{
    cleanup_close(&r->fd);
    while (r->n > 0)
        free(r->levels[--r->n].name);
    free(r->levels);
}

static int level_of(int fd, struct level *out, mode_t *mode)
{
    struct statx st;
    if (statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_MNT_ID, &st) < 0)
        return -1;
    *mode = st.stx_mode;
    out->device = (uint64_t)st.stx_dev_major << 32 | st.stx_dev_minor;
    out->mount = st.stx_mnt_id; /* tells a bind mount of the same device; 0 before Linux 5.8 */
    out->inode = st.stx_ino;
    return 0;
}

/* Go into the folder `name` of the current one (consumed; NULL: into the top). */
static int removal_enter(struct removal *r, int fd, char *name, struct err *e)
{
    auto_free char *owned = name;
    struct level here = { 0 };
    mode_t mode = 0;
    cleanup_close(&r->fd);
    r->fd = fd;
    if (level_of(fd, &here, &mode) < 0)
        return dir_error(e, "look at", r->path);
    if (r->n > 0 && (here.device != r->levels[0].device || here.mount != r->levels[0].mount))
        return err_set(e, ERR_SYSTEM, EXDEV, "remove '%s': something is mounted on '%s' in it", r->path,
                       name);
    if ((mode & S_IRWXU) != S_IRWXU)
        (void)fchmod(fd, S_IRWXU); /* tools leave read-only folders; a refusal shows when we empty it */
    if (r->n == r->size) {
        r->size = r->size ? r->size * 2 : 16;
        r->levels = xreallocarray(r->levels, r->size, sizeof(*r->levels));
    }
    here.name = take(&owned);
    r->levels[r->n++] = here;
    return 0;
}

/* Back to the folder above, and remove the one that is empty now. */
static int removal_leave(struct removal *r, struct err *e)
{
    auto_free char *name = r->levels[--r->n].name;
    struct level above = { 0 };
    mode_t mode = 0;
    auto_close int up = openat(r->fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (up < 0 || level_of(up, &above, &mode) < 0)
        return dir_error(e, "leave a folder in", r->path);
    const struct level *expected = &r->levels[r->n - 1];
    if (above.inode != expected->inode || above.device != expected->device || above.mount != expected->mount)
        return err_set(e, ERR_SYSTEM, 0, "remove '%s': it was moved meanwhile", r->path);
    cleanup_close(&r->fd);
    r->fd = take_fd(&up);
    if (unlinkat(r->fd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
        return dir_error(e, "remove a folder in", r->path);
    return 0;
}

static void cleanup_closedir(DIR **d)
{
    if (*d)
        (void)closedir(*d);
}

/* Unlink what is no folder. *inner is the name of the first folder met, or NULL
 * when the current folder is empty. */
static int removal_sweep(struct removal *r, char **inner, struct err *e)
{
    auto_close int fd = openat(r->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    __attribute__((cleanup(cleanup_closedir))) DIR *d = fd < 0 ? NULL : fdopendir(fd);
    *inner = NULL;
    if (!d && errno == ENOENT) /* somebody else has removed it */
        return 0;
    if (!d)
        return dir_error(e, "list a folder in", r->path);
    (void)take_fd(&fd); /* closedir closes it */

    const struct dirent *entry;
    while (errno = 0, (entry = readdir(d))) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        if (unlinkat(r->fd, entry->d_name, 0) == 0 || errno == ENOENT)
            continue;
        if (errno != EISDIR)
            return dir_error(e, "remove a file in", r->path);
        *inner = xstrdup(entry->d_name);
        return 0;
    }
    return errno ? dir_error(e, "list a folder in", r->path) : 0;
}

/* Into a folder of the current one, `name` (consumed), unless somebody else has removed it. */
static int removal_descend(struct removal *r, char *name, struct err *e)
{
    int fd = openat(r->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0)
        return removal_enter(r, fd, name, e);
    int rc = errno == ENOENT ? 0 : dir_error(e, "open a folder in", r->path);
    free(name);
    return rc;
}

int dir_remove(const char *path, struct err *e)
{
    __attribute__((cleanup(removal_release))) struct removal r = { path, -1, NULL, 0, 0 };
    int top = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (top < 0)
        return errno == ENOENT ? 0 : dir_error(e, "open folder", path);
    if (removal_enter(&r, top, NULL, e) < 0)
        return -1;
    for (;;) {
        char *inner = NULL;
        if (removal_sweep(&r, &inner, e) < 0)
            return -1;
        if (inner) {
            if (removal_descend(&r, inner, e) < 0)
                return -1;
        } else if (r.n > 1) {
            if (removal_leave(&r, e) < 0)
                return -1;
        } else {
            break;
        }
    }
    if (rmdir(path) < 0 && errno != ENOENT)
        return dir_error(e, "remove folder", path);
    return 0;
}
