#include "cache/store/beneath.h"

#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

int beneath_step(int dir, const char *name)
{
    return openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

int beneath_folder(int root, const char *path, size_t len)
{
    auto_free char *names = xstrndup(path, len);
    char *rest = NULL;
    int at = beneath_step(root, ".");

    for (char *name = strtok_r(names, "/", &rest); name && at >= 0; name = strtok_r(NULL, "/", &rest)) {
        auto_close int above = at;
        at = beneath_step(above, name);
    }
    return at;
}

int beneath_file(int dir, const char *name, int flags)
{
    auto_close int seen = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;

    if (seen < 0 || fstat(seen, &st) < 0)
        return -1;
    if (!S_ISREG(st.st_mode)) {
        errno = EINVAL;
        return -1;
    }
    auto_free char *path = xasprintf("/proc/self/fd/%d", seen);
    return open(path, flags | O_CLOEXEC);
}

bool beneath_locked(int dir, const char *name)
{
    auto_close int fd = beneath_file(dir, name, O_RDWR);

    return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

int64_t beneath_changed(const struct stat *st)
{
    return (int64_t)st->st_ctim.tv_sec * 1000000000 + st->st_ctim.tv_nsec;
}
