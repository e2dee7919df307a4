#include "cache/archive/tree.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

enum { PERMISSIONS = 0777 };

void tree_release(struct tree *t)
{
    beneath_forget(&t->at);
    beneath_forget(&t->first);
}

/* No call answers this without setting it, which other threads would notice. */
mode_t tree_umask(void)
{
    auto_free char *status = NULL;

    if (file_read("/proc/self/status", 1 << 16, &status, NULL, NULL) < 0)
        return PERMISSIONS;
    const char *line = strstr(status, "\nUmask:");
    return line ? (mode_t)strtoul(line + strlen("\nUmask:"), NULL, 8) : PERMISSIONS;
}

static int fail(struct err *e, const char *what, const char *name)
{
    return err_set(e, ERR_SYSTEM, errno, "%s '%s': %s", what, name,
                   errno == ENOTEMPTY ? "a folder with files in it has its name" : strerror(errno));
}

static int clear(int dir, const char *base)
{
    if (unlinkat(dir, base, 0) == 0 || errno == ENOENT)
        return 0;
    return errno == EISDIR || errno == EPERM ? unlinkat(dir, base, AT_REMOVEDIR) : -1;
}

struct making {
    mode_t mode;
    const char *target;
    int first_dir;
    const char *first_base;
};

static int open_new(int dir, const char *base, const struct making *m)
{
    return openat(dir, base, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, m->mode & PERMISSIONS);
}

static int symlink_new(int dir, const char *base, const struct making *m)
{
    return symlinkat(m->target, dir, base);
}

static int hardlink_new(int dir, const char *base, const struct making *m)
{
    return linkat(m->first_dir, m->first_base, dir, base, 0);
}

/* The tree is mostly empty, so look only when something was in the way. A folder may go between opening and using it
 * (an empty one gives way to a file), hence the second try. */
static int make(struct tree *t, const char *name, int (*how)(int, const char *, const struct making *),
                const struct making *m)
{
    const char *base;
    int result = -1;

    for (int tries = 0; tries < 3 && result < 0; tries++) {
        int dir = beneath_make(&t->at, name, &base, &t->replaced);
        if (dir < 0)
            return -1;
        result = how(dir, base, m);
        if (result >= 0)
            break;
        if (errno == ENOENT)
            beneath_forget(&t->at);
        else if (errno != EEXIST || clear(dir, base) < 0)
            break;
    }
    return result;
}

int tree_create(struct tree *t, const char *name, mode_t mode, struct err *e)
{
    struct making m = { .mode = mode };
    int fd = make(t, name, open_new, &m);

    return fd < 0 ? fail(e, "create", name) : fd;
}

static void set_owner(const struct tree *t, int dir, const char *base, const struct attributes *as)
{
    /* Where it is not allowed, the files stay ours. */
    if (t->owners && fchownat(dir, base, as->uid, as->gid, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) < 0)
        return;
}

int tree_finish(const struct tree *t, int fd, const struct attributes *as, const char *name, struct err *e)
{
    const struct timespec times[] = { { 0, UTIME_NOW }, as->mtime };

    set_owner(t, fd, "", as);
    if ((as->mode & ~t->umask & PERMISSIONS) != as->mode && fchmod(fd, as->mode) < 0)
        return fail(e, "set the mode of", name);
    return futimens(fd, times) < 0 ? fail(e, "set the time of", name) : 0;
}

void tree_remove(struct tree *t, const char *name)
{
    const char *base;
    int dir = beneath_open(&t->at, name, &base);

    if (dir >= 0)
        (void)unlinkat(dir, base, 0);
}

int tree_symlink(struct tree *t, const char *name, const char *target, const struct attributes *as, struct err *e)
{
    struct making m = { .target = target };
    const struct timespec times[] = { { 0, UTIME_NOW }, as->mtime };
    const char *base;

    if (make(t, name, symlink_new, &m) < 0)
        return fail(e, "create the link", name);
    int dir = beneath_open(&t->at, name, &base);
    if (dir >= 0) {
        set_owner(t, dir, base, as);
        (void)utimensat(dir, base, times, AT_SYMLINK_NOFOLLOW);
    }
    return 0;
}

int tree_hardlink(struct tree *t, const char *name, const char *first, struct err *e)
{
    struct making m = { 0 };

    if (strcmp(name, first) == 0)
        return 0;
    m.first_dir = beneath_open(&t->first, first, &m.first_base);
    if (m.first_dir < 0 || make(t, name, hardlink_new, &m) < 0)
        return err_set(e, ERR_SYSTEM, errno, "link '%s' to '%s': %s", name, first, strerror(errno));
    return 0;
}

int tree_folder(struct tree *t, const char *name, const struct attributes *as, struct err *e)
{
    auto_free char *inside = xasprintf("%s/.", name);
    const struct timespec times[] = { { 0, UTIME_NOW }, as->mtime };
    const char *base;
    int dir = beneath_make(&t->at, inside, &base, &t->replaced);

    if (dir < 0)
        return fail(e, "create the folder", name);
    set_owner(t, dir, "", as);
    /* ".": the descriptor only names the folder. The time first: afterwards it may be closed to us. */
    if (utimensat(dir, ".", times, 0) < 0)
        return fail(e, "set the time of", name);
    return fchmodat(dir, ".", as->mode, 0) < 0 ? fail(e, "set the mode of", name) : 0;
}
