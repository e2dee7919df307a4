#include "cache/archive/reader.h"

#include "base/file.h"
#include "cache/archive/unzstd.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

enum { ZIP_BUFFER = 1 << 16, COPY = 1 << 17 };

static ssize_t read_at(const struct reader *r, void *buf, size_t size, int64_t at)
{
    ssize_t n;

    do
        n = r->seekable ? pread(r->fd, buf, size, at) : read(r->fd, buf, size);
    while (n < 0 && errno == EINTR);
    return n;
}

static int cannot_read(struct err *e)
{
    return err_set(e, ERR_SYSTEM, errno, "read the archive: %s", strerror(errno));
}

/* gitlab-runner's helpers from 16.2 to 17 and later end their tar.zst with the frame's checksum twice, and zstd takes the
 * second for a broken frame. So of eight last bytes that repeat themselves, four are not read. */
static int64_t without_second_checksum(const struct reader *r)
{
    enum { DESCRIPTOR = 4, HAS_CHECKSUM = 1 << 2 };
    unsigned char start[DESCRIPTOR + 1], end[8];

    if (r->size < 32 || read_at(r, start, sizeof start, 0) != sizeof start || !(start[DESCRIPTOR] & HAS_CHECKSUM) ||
        read_at(r, end, sizeof end, r->size - (int64_t)sizeof end) != sizeof end || memcmp(end, end + 4, 4) != 0)
        return r->size;
    return r->size - 4;
}

static int read_start(struct reader *r, struct err *e)
{
    while (r->start_len < FORMAT_MAGIC) {
        ssize_t n = read_at(r, r->start + r->start_len, FORMAT_MAGIC - r->start_len, (int64_t)r->start_len);
        if (n < 0)
            return cannot_read(e);
        if (n == 0)
            break;
        r->start_len += (size_t)n;
    }
    r->format = archive_format_of(r->start, r->start_len);
    return 0;
}

static int spool(struct reader *r, int root, struct err *e)
{
    auto_free char *buf = xmalloc(COPY);
    int fd = openat(root, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    size_t len = r->start_len;
    ssize_t n;

    if (fd < 0)
        return err_set(e, ERR_SYSTEM, errno, "store the archive while it is extracted: %s", strerror(errno));
    memcpy(buf, r->start, len);
    do {
        if (fd_write(fd, buf, len, e) < 0) {
            (void)close(fd);
            return -1;
        }
        r->size += (int64_t)len;
        n = read_at(r, buf, COPY, 0);
        len = n > 0 ? (size_t)n : 0;
    } while (n > 0);
    if (n < 0) {
        (void)close(fd);
        return cannot_read(e);
    }
    r->fd = fd;
    r->seekable = true;
    r->spooled = true;
    return 0;
}

int reader_examine(struct reader *r, int fd, int root, struct err *e)
{
    struct stat st;

    *r = (struct reader){ .fd = fd };
    r->seekable = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    r->size = r->seekable ? st.st_size : 0;
    if (read_start(r, e) < 0)
        return -1;
    if (r->format == FORMAT_GZIP)
        return err_set(e, ERR_JOB, 0, "a gzip archive cannot be extracted");
    if (r->format == FORMAT_TAR_ZSTD && r->seekable)
        r->size = without_second_checksum(r);
    return r->format == FORMAT_ZIP && !r->seekable ? spool(r, root, e) : 0;
}

void reader_copy(struct reader *r, const struct reader *from)
{
    *r = (struct reader){ .fd = from->fd, .seekable = from->seekable, .size = from->size, .format = from->format };
}

/* The archive's bytes, one after the other. */
static ssize_t read_on(void *ctx, void *buf, size_t size)
{
    struct reader *r = ctx;

    if (!r->seekable && r->start_len > 0) {
        size_t n = r->start_len;
        memcpy(buf, r->start, n);
        r->start_len = 0;
        return (ssize_t)n;
    }
    if (r->seekable && (int64_t)size > r->size - r->at)
        size = (size_t)(r->size - r->at);
    ssize_t n = read_at(r, buf, size, r->at);
    if (n > 0)
        r->at += n;
    return n;
}

static la_ssize_t on_read_zip(struct archive *a, void *ctx, const void **data)
{
    struct reader *r = ctx;
    ssize_t n = read_on(r, r->buf, ZIP_BUFFER);

    *data = r->buf;
    if (n < 0)
        archive_set_error(a, errno, "%s", strerror(errno));
    return n;
}

static la_ssize_t on_read_tar(struct archive *a, void *ctx, const void **data)
{
    struct reader *r = ctx;
    auto_err e = ERR_INIT;
    ssize_t n = unzstd_next(r->zstd, data, &e);

    if (n < 0)
        archive_set_error(a, EIO, "%s", err_text(&e));
    return n;
}

static la_int64_t on_skip(struct archive *a, void *ctx, la_int64_t request)
{
    struct reader *r = ctx;

    (void)a;
    if (!r->seekable)
        return 0;
    la_int64_t most = r->size > r->at ? r->size - r->at : 0;
    la_int64_t n = request < most ? request : most;
    r->at += n;
    return n;
}

static la_int64_t on_seek(struct archive *a, void *ctx, la_int64_t offset, int whence)
{
    struct reader *r = ctx;
    int64_t from = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? r->at : r->size;
    int64_t to;

    if (__builtin_add_overflow(from, offset, &to) || to < 0 || to > r->size) {
        archive_set_error(a, EINVAL, "it points outside of itself");
        return ARCHIVE_FATAL;
    }
    return r->at = to;
}

static int broken(const struct reader *r, struct err *e)
{
    const char *why = archive_error_string(r->a);
    return err_set(e, ERR_JOB, 0, "%s", why ? why : "the archive is broken");
}

static int broken_tar(const struct reader *r, struct err *e)
{
    (void)broken(r, e);
    return err_wrap(e, "tar.zst");
}

static int open_zip(struct reader *r, struct err *e)
{
    r->buf = xmalloc(ZIP_BUFFER);
    (void)archive_read_support_format_zip_seekable(r->a);
    (void)archive_read_set_read_callback(r->a, on_read_zip);
    (void)archive_read_set_seek_callback(r->a, on_seek);
    (void)archive_read_set_skip_callback(r->a, on_skip);
    (void)archive_read_set_callback_data(r->a, r);
    return archive_read_open1(r->a) == ARCHIVE_OK ? 0 : err_set(e, ERR_JOB, 0, "zip: not a valid zip file");
}

static int open_tar(struct reader *r, struct err *e)
{
    r->zstd = unzstd_open(read_on, r, archive_threads());
    (void)archive_read_support_format_tar(r->a);
    if (r->whole)
        (void)archive_read_set_format_option(r->a, "tar", "read_concatenated_archives", "1");
    (void)archive_read_set_read_callback(r->a, on_read_tar);
    (void)archive_read_set_callback_data(r->a, r);
    return archive_read_open1(r->a) == ARCHIVE_OK ? 0 : broken_tar(r, e);
}

/* True: it is a usual one. */
static bool open_directory(struct reader *r)
{
    r->directory = zip_directory_open(r->fd, r->size);
    if (!r->directory)
        return false;
    r->data = zip_data_new(r->fd);
    r->entry = archive_entry_new();
    r->at = r->size;
    return true;
}

int reader_open(struct reader *r, struct err *e)
{
    if (r->format == FORMAT_ZIP && open_directory(r))
        return 0;
    r->a = archive_read_new();
    return r->format == FORMAT_ZIP ? open_zip(r, e) : open_tar(r, e);
}

static int take_link(struct reader *r, struct err *e)
{
    char target[ZIP_LINK_MOST] = "";

    if (zip_data_whole(r->data, target, e) < 0)
        return err_wrap(e, "extract '%s'", r->member.name);
    archive_entry_set_symlink(r->entry, target);
    return 0;
}

static int next_member(struct reader *r, struct archive_entry **entry, struct err *e)
{
    struct zip_member *m = &r->member;

    if (!zip_directory_next(r->directory, m))
        return 0;
    zip_data_start(r->data, m);
    r->offset = 0;
    *entry = archive_entry_clear(r->entry);
    archive_entry_set_pathname(r->entry, m->name);
    archive_entry_set_mode(r->entry, m->mode);
    archive_entry_set_size(r->entry, (la_int64_t)m->size);
    archive_entry_set_mtime(r->entry, m->mtime, 0);
    archive_entry_set_uid(r->entry, m->uid);
    archive_entry_set_gid(r->entry, m->gid);
    return S_ISLNK(m->mode) && take_link(r, e) < 0 ? -1 : 1;
}

int reader_next(struct reader *r, struct archive_entry **entry, struct err *e)
{
    if (r->directory)
        return next_member(r, entry, e);
    int result = archive_read_next_header(r->a, entry);

    if (result == ARCHIVE_EOF)
        return 0;
    if (result >= ARCHIVE_WARN)
        return 1;
    if (archive_file_count(r->a) <= 1 && r->format == FORMAT_ZIP)
        return err_set(e, ERR_JOB, 0, "zip: not a valid zip file");
    (void)broken(r, e);
    return err_wrap(e, "the archive is broken");
}

static int member_data(struct reader *r, const void **data, size_t *len, int64_t *offset, struct err *e)
{
    ssize_t n = zip_data_next(r->data, data, e);

    if (n <= 0)
        return (int)n;
    *len = (size_t)n;
    *offset = r->offset;
    r->offset += n;
    return 1;
}

int reader_data(struct reader *r, const void **data, size_t *len, int64_t *offset, struct err *e)
{
    if (r->directory)
        return member_data(r, data, len, offset, e);
    int result = archive_read_data_block(r->a, data, len, offset);
    return result == ARCHIVE_OK ? 1 : result == ARCHIVE_EOF ? 0 : broken(r, e);
}

bool reader_has_whole(const struct reader *r)
{
    return r->directory && zip_data_is_moderate(&r->member);
}

int reader_whole(struct reader *r, void *out, struct err *e)
{
    return zip_data_whole(r->data, out, e);
}

int64_t reader_taken(const struct reader *r)
{
    return r->format == FORMAT_ZIP ? -1 : unzstd_taken(r->zstd);
}

struct block *reader_block(const struct reader *r, const void *data, size_t len)
{
    return r->data ? zip_data_block(r->data, data) : r->zstd ? unzstd_block(r->zstd, data, len) : NULL;
}

void reader_before_waiting(struct reader *r, void (*call)(void *ctx), void *ctx)
{
    if (r->zstd)
        unzstd_before_waiting(r->zstd, call, ctx);
    if (r->data)
        zip_data_before_waiting(r->data, call, ctx);
}

void reader_close(struct reader *r)
{
    if (r->a)
        (void)archive_read_free(r->a);
    r->a = NULL;
    unzstd_close(take(&r->zstd));
    zip_directory_close(take(&r->directory));
    zip_data_free(take(&r->data));
    archive_entry_free(take(&r->entry));
    free(take(&r->buf));
    if (r->spooled)
        (void)close(r->fd);
    r->spooled = false;
}
