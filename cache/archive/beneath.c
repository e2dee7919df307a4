#include "cache/archive/beneath.h"

#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define FOLDER (O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

void beneath_forget(struct beneath *b)
{
    if (b->fd >= 0)
        (void)close(b->fd);
    b->fd = -1;
    free(take(&b->path));
}

/* What is in the way of a folder goes, unless it is one. */
static int make(int dir, const char *element, unsigned *replaced)
{
    struct stat st;

    if (mkdirat(dir, element, 0777) == 0)
        return 0;
    if (errno != EEXIST || fstatat(dir, element, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return -1;
    if (S_ISDIR(st.st_mode))
        return 0;
    if (unlinkat(dir, element, 0) < 0 && errno != ENOENT)
        return -1;
    *replaced += S_ISLNK(st.st_mode);
    return mkdirat(dir, element, 0777) == 0 || errno == EEXIST ? 0 : -1; /* another thread may have been first */
}

static int step(int dir, const char *element, unsigned *replaced)
{
    int fd = openat(dir, element, FOLDER);

    if (fd >= 0 || !replaced || (errno != ENOENT && errno != ENOTDIR && errno != ELOOP))
        return fd;
    return make(dir, element, replaced) == 0 ? openat(dir, element, FOLDER) : -1;
}

/* One element after the other; `replaced` as in beneath_make, NULL: nothing is made. */
static int walk(int root, const char *path, unsigned *replaced)
{
    auto_free char *copy = xstrdup(path);
    auto_close int at = openat(root, ".", FOLDER);
    char *rest = copy;

    for (char *element; at >= 0 && (element = strsep(&rest, "/"));) {
        if (!*element)
            continue;
        int next = step(at, element, replaced);
        int error = errno;
        (void)close(at);
        at = next;
        errno = error;
    }
    return take_fd(&at);
}

static int open_folder(struct beneath *b, const char *path)
{
    struct open_how how = { .flags = FOLDER, .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS };

    if (!b->walks && *path) {
        int fd = (int)syscall(SYS_openat2, b->root, path, &how, sizeof how);
        if (fd >= 0 || (errno != ENOSYS && errno != EPERM && errno != EAGAIN))
            return fd;
        b->walks = errno != EAGAIN; /* EAGAIN: somebody renames folders just now, and a walk does not mind */
    }
    return walk(b->root, path, NULL);
}

/* Mostly the folder that it is made in is there, one open away. */
static int make_folder(struct beneath *b, const char *path, unsigned *replaced)
{
    const char *slash = strrchr(path, '/');

    if (slash) {
        auto_free char *parent = xstrndup(path, (size_t)(slash - path));
        auto_close int dir = open_folder(b, parent);
        if (dir >= 0)
            return make(dir, slash + 1, replaced) == 0 ? openat(dir, slash + 1, FOLDER) : -1;
    }
    return walk(b->root, path, replaced);
}

static int enter(struct beneath *b, const char *name, const char **base, unsigned *replaced)
{
    const char *slash = strrchr(name, '/');
    size_t len = slash ? (size_t)(slash - name) : 0;

    *base = slash ? slash + 1 : name;
    if (b->path && strncmp(b->path, name, len) == 0 && b->path[len] == '\0')
        return b->fd;

    auto_free char *path = xstrndup(name, len);
    int fd = open_folder(b, path);
    if (fd < 0 && replaced)
        fd = make_folder(b, path, replaced);
    if (fd < 0)
        return -1;
    beneath_forget(b);
    b->path = take(&path);
    return b->fd = fd;
}

int beneath_open(struct beneath *b, const char *name, const char **base)
{
    return enter(b, name, base, NULL);
}

int beneath_make(struct beneath *b, const char *name, const char **base, unsigned *replaced)
{
    return enter(b, name, base, replaced);
}
