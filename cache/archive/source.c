#include "cache/archive/source.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

static int leave_out(const char *name, const struct report *report)
{
    if (errno == ENOENT || errno == ENOTDIR)
        report_line(report, LOG_WARNING, "File ignored: %s: it vanished", name);
    else
        report_line(report, LOG_WARNING, "File ignored: %s: %s", name,
                    errno == ELOOP ? "a folder on its path is a link" : strerror(errno));
    return 0;
}

/* The file may be another one than a moment ago: what counts is what was opened. */
static int open_file(int dir, const char *base, struct source *s)
{
    s->fd = openat(dir, base, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (s->fd < 0 || fstat(s->fd, &s->st) < 0)
        return -1;
    s->left = s->st.st_size;
    s->sparse = s->st.st_blocks < s->st.st_size / 512 && lseek(s->fd, 0, SEEK_HOLE) < s->st.st_size;
    if (s->st.st_size > 1 << 20)
        (void)posix_fadvise(s->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    return 0;
}

static int open_link(int dir, const char *base, struct source *s)
{
    ssize_t len = readlinkat(dir, base, s->link, sizeof s->link - 1);

    if (len < 0)
        return -1;
    s->link[len] = '\0';
    s->st.st_size = len;
    return 0;
}

static int open_by_type(int dir, const char *base, struct source *s)
{
    if (fstatat(dir, base, &s->st, AT_SYMLINK_NOFOLLOW) < 0)
        return -1;
    if (S_ISREG(s->st.st_mode))
        return open_file(dir, base, s);
    return S_ISLNK(s->st.st_mode) ? open_link(dir, base, s) : 0;
}

int source_open(struct beneath *at, const char *name, struct source *s, const struct report *report)
{
    const char *base;
    int dir = beneath_open(at, name, &base);

    s->name = name;
    s->fd = -1;
    s->left = s->data = s->hole = 0;
    s->sparse = s->changed = false;
    if (dir < 0 || open_by_type(dir, *base ? base : ".", s) < 0) {
        (void)leave_out(name, report);
        source_close(s, report);
        return 0;
    }
    if (S_ISREG(s->st.st_mode) || S_ISDIR(s->st.st_mode) || S_ISLNK(s->st.st_mode))
        return 1;
    report_line(report, LOG_WARNING, "File ignored: %s", name);
    source_close(s, report);
    return 0;
}

/* In a sparse file: how many bytes from here on are of one sort, at most `size`; *hole says which. */
static size_t same_sort(struct source *s, size_t size, bool *hole)
{
    int64_t at = s->st.st_size - s->left;

    if (at >= s->hole) {
        off_t data = lseek(s->fd, at, SEEK_DATA);
        s->data = data < 0 ? s->st.st_size : data;
        off_t end = data < 0 ? -1 : lseek(s->fd, data, SEEK_HOLE);
        s->hole = end < 0 ? s->st.st_size : end;
    }
    *hole = at < s->data;
    int64_t most = (*hole ? s->data : s->hole) - at;
    return (int64_t)size > most ? (size_t)most : size;
}

static size_t read_some(struct source *s, char *buf, size_t size)
{
    ssize_t n;
    bool hole = false;

    if (s->sparse)
        size = same_sort(s, size, &hole);
    if (hole) {
        memset(buf, 0, size);
        return size;
    }
    do
        n = pread(s->fd, buf, size, s->st.st_size - s->left);
    while (n < 0 && errno == EINTR);
    if (n > 0)
        return (size_t)n;
    s->changed = true;
    memset(buf, 0, size);
    return size;
}

size_t source_read(struct source *s, void *buf, size_t size)
{
    size_t got = 0;

    if ((int64_t)size > s->left)
        size = (size_t)s->left;
    while (got < size) {
        size_t n = read_some(s, (char *)buf + got, size - got);
        got += n;
        s->left -= (int64_t)n;
    }
    return got;
}

void source_close(struct source *s, const struct report *report)
{
    struct stat now;

    if (s->fd < 0)
        return;
    if (fstat(s->fd, &now) == 0 && (s->changed || now.st_size != s->st.st_size))
        report_line(report, LOG_WARNING, "%s: its size changed while it was read: archived with the %lld bytes it had",
                    s->name, (long long)s->st.st_size);
    (void)close(s->fd);
    s->fd = -1;
}
