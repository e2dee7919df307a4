#include "base/file.h"

#include "base/strbuf.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>

static int failed(struct err *e, const char *verb, const char *path)
{
    int code = errno;
    return err_set(e, code == ENOENT ? ERR_NOT_FOUND : ERR_SYSTEM, code, "%s '%s': %s", verb, path,
                   strerror(code));
}

int file_read(const char *path, size_t max, char **out, size_t *out_len, struct err *e)
{
    auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return failed(e, "open", path);

    auto_strbuf text = STRBUF_INIT(max);
    for (;;) {
        char chunk[16384];
        ssize_t n = read(fd, chunk, sizeof(chunk));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return failed(e, "read", path);
        if (n == 0)
            break;
        if (strbuf_add(&text, chunk, (size_t)n) < 0)
            return err_set(e, ERR_SYSTEM, EFBIG, "read '%s': larger than %zu bytes", path, max);
    }
    if (out_len)
        *out_len = text.len;
    *out = strbuf_take(&text);
    return 0;
}

/* A file beside `path`, until it takes its place. Removed when it never does. */
struct draft {
    char *name;
    int fd;
};

static void draft_release(struct draft *d)
{
    cleanup_close(&d->fd);
    if (d->name)
        (void)unlink(d->name);
    free(d->name);
}

/* The length of the folder's part of a path, with its slash. */
static size_t folder_len(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) + 1 : 0;
}

/* A rename is on the disk only when its folder is. Some file systems cannot do
 * that; the file itself is whole by then, so the result does not matter. */
static void folder_sync(const char *path)
{
    size_t len = folder_len(path);
    auto_free char *folder = len ? xstrndup(path, len) : xstrdup(".");
    auto_close int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0)
        (void)fsync(fd);
}

int file_write(const char *path, const void *data, size_t len, mode_t mode, struct err *e)
{
    int folder = (int)folder_len(path);
    __attribute__((cleanup(draft_release))) struct draft d = { NULL, -1 };
    char *name = xasprintf("%.*s.%s.XXXXXX", folder, path, path + folder);
    d.fd = mkostemp(name, O_CLOEXEC);
    if (d.fd < 0) {
        free(name);
        return failed(e, "create", path);
    }
    d.name = name;
    if (fd_write(d.fd, data, len, e) < 0)
        return err_wrap(e, "'%s'", path);
    if (fchmod(d.fd, mode) < 0 || fsync(d.fd) < 0)
        return failed(e, "write", path);
    if (close(take_fd(&d.fd)) < 0 || rename(d.name, path) < 0)
        return failed(e, "write", path);
    free(take(&d.name));
    folder_sync(path);
    return 0;
}

int fd_write(int fd, const void *data, size_t len, struct err *e)
{
    const char *p = data;
    while (len > 0) {
        ssize_t n = write(fd, p, len);
        if (n >= 0) {
            p += n;
            len -= (size_t)n;
        } else if (errno == EAGAIN) {
            struct pollfd room = { .fd = fd, .events = POLLOUT };
            (void)poll(&room, 1, -1); /* whatever happened to it, the next write says */
        } else if (errno != EINTR) {
            return err_set(e, ERR_SYSTEM, errno, "write: %s", strerror(errno));
        }
    }
    return 0;
}
