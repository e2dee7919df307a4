#include "cache/archive/zip_directory.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    END_LEN = 22, COMMENT_MOST = 0xffff, LOCATOR_LEN = 20, END64_LEN = 56,
    CENTRAL_LEN = 46, LOCAL_LEN = 30,
    WINDOW = 1 << 18, /* more than the longest record */
    FLAGS_UNKNOWN = 0xffff & ~(1 << 1 | 1 << 2 | 1 << 3 | 1 << 11), /* known: how hard it was deflated, streamed, UTF-8 */
    METHOD_STORE = 0, METHOD_DEFLATE = 8,
    HOST_UNIX = 3,
    EXTRA_ZIP64 = 0x0001, EXTRA_TIME = 0x5455, EXTRA_OWNER = 0x7875, EXTRA_NAME = 0x7075,
};
#define IN_ZIP64 UINT32_C(0xffffffff) /* the number stands in the ZIP64 field */
#define NO_TIME  INT64_MIN

struct zip_directory {
    int fd;
    int64_t start, stop; /* of all records */
    int64_t read;        /* up to here they are in the window, or have been */
    size_t at, end;      /* of the window */
    char *name;
    unsigned char window[WINDOW];
};

uint64_t zip_number(const unsigned char *at, int bytes)
{
    uint64_t value = 0;

    for (int i = bytes; i > 0; i--)
        value = value << 8 | at[i - 1];
    return value;
}

static bool read_all(int fd, void *buf, size_t len, int64_t at)
{
    return pread(fd, buf, len, at) == (ssize_t)len;
}

/* What the ZIP64 record says; it stands, with what points to it, before the end record at `end`. */
static bool find_by_zip64(struct zip_directory *z, int64_t end)
{
    unsigned char locator[LOCATOR_LEN], record[END64_LEN];

    if (end < LOCATOR_LEN + END64_LEN || !read_all(z->fd, locator, sizeof locator, end - LOCATOR_LEN) ||
        memcmp(locator, "PK\6\7", 4) != 0)
        return false;
    int64_t at = end - LOCATOR_LEN - END64_LEN;
    if (zip_number(locator + 8, 8) != (uint64_t)at || !read_all(z->fd, record, sizeof record, at) || memcmp(record, "PK\6\6", 4) != 0)
        return false;
    uint64_t len = zip_number(record + 40, 8), start = zip_number(record + 48, 8);
    if (start > (uint64_t)at || len != (uint64_t)at - start)
        return false;
    z->start = (int64_t)start;
    z->stop = at;
    return true;
}

/* From the record at the end of the archive. */
static bool find_by_end(struct zip_directory *z, const unsigned char *record, int64_t end)
{
    uint64_t entries = zip_number(record + 10, 2), len = zip_number(record + 12, 4), start = zip_number(record + 16, 4);

    if (zip_number(record + 4, 4) != 0) /* the numbers of disks */
        return false;
    if (entries == 0xffff || len == IN_ZIP64 || start == IN_ZIP64)
        return find_by_zip64(z, end);
    z->start = (int64_t)start;
    z->stop = end;
    return start + len == (uint64_t)end;
}

static bool find(struct zip_directory *z, int64_t size)
{
    size_t most = (size_t)(size < END_LEN + COMMENT_MOST ? size : END_LEN + COMMENT_MOST);
    const unsigned char *tail = z->window;

    if (most < END_LEN || !read_all(z->fd, z->window, most, size - (int64_t)most))
        return false;
    for (size_t at = most - END_LEN + 1; at-- > 0;)
        if (memcmp(tail + at, "PK\5\6", 4) == 0 && at + END_LEN + zip_number(tail + at + 20, 2) == most)
            return find_by_end(z, tail + at, size - (int64_t)(most - at));
    return false;
}

/* As many bytes of the records in the window; NULL: there are not. */
static const unsigned char *ahead(struct zip_directory *z, size_t len)
{
    if (z->end - z->at >= len)
        return z->window + z->at;
    memmove(z->window, z->window + z->at, z->end - z->at);
    z->end -= z->at;
    z->at = 0;
    int64_t left = z->stop - z->read;
    size_t most = (int64_t)(WINDOW - z->end) < left ? WINDOW - z->end : (size_t)left;
    if (!read_all(z->fd, z->window + z->end, most, z->read))
        return NULL;
    z->end += most;
    z->read += (int64_t)most;
    return z->end >= len ? z->window : NULL;
}

/* In this computer's time zone: there is none in it. Where there is a better time, it is not asked: the C library looks at the
 * zone's file each time. */
static int64_t from_dos(uint64_t when)
{
    struct tm t = {
        .tm_sec = (int)(when & 0x1f) * 2, .tm_min = (int)(when >> 5 & 0x3f), .tm_hour = (int)(when >> 11 & 0x1f),
        .tm_mday = (int)(when >> 16 & 0x1f), .tm_mon = (int)(when >> 21 & 0xf) - 1, .tm_year = (int)(when >> 25 & 0x7f) + 80,
        .tm_isdst = -1,
    };
    return mktime(&t);
}

/* The numbers that did not fit, in their order. */
static bool take_zip64(struct zip_member *m, const unsigned char *at, size_t len)
{
    uint64_t *numbers[] = { &m->size, &m->packed, &m->offset };

    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
        if (*numbers[i] != IN_ZIP64)
            continue;
        if (len < 8)
            return false;
        *numbers[i] = zip_number(at, 8);
        at += 8;
        len -= 8;
    }
    return true;
}

static void take_owner(struct zip_member *m, const unsigned char *at, size_t len)
{
    if (len < 3 || at[0] != 1 || at[1] > 8 || len < (size_t)3 + at[1] || at[2 + at[1]] > 8 || len < (size_t)3 + at[1] + at[2 + at[1]])
        return;
    m->uid = (uint32_t)zip_number(at + 2, at[1]);
    m->gid = (uint32_t)zip_number(at + 3 + at[1], at[2 + at[1]]);
}

static bool take_extra(struct zip_member *m, const unsigned char *at, size_t left)
{
    bool zip64 = m->size == IN_ZIP64 || m->packed == IN_ZIP64 || m->offset == IN_ZIP64;

    while (left >= 4) {
        uint64_t id = zip_number(at, 2);
        size_t len = (size_t)zip_number(at + 2, 2);
        at += 4;
        left -= 4;
        if (len > left || id == EXTRA_NAME)
            return false;
        if (id == EXTRA_ZIP64 && zip64) {
            if (!take_zip64(m, at, len))
                return false;
            zip64 = false;
        }
        if (id == EXTRA_TIME && len >= 5 && (at[0] & 1))
            m->mtime = (int32_t)zip_number(at + 1, 4);
        if (id == EXTRA_OWNER)
            take_owner(m, at, len);
        at += len;
        left -= len;
    }
    return left == 0 && !zip64;
}

/* What a name and a mode say has to agree. */
static bool has_type(struct zip_member *m, size_t name_len)
{
    bool folder = m->name[name_len - 1] == '/';

    if ((m->mode & S_IFMT) == 0)
        m->mode |= folder ? S_IFDIR : S_IFREG;
    if (S_ISLNK(m->mode))
        return !folder && m->size > 0 && m->size < ZIP_LINK_MOST && m->packed < ZIP_LINK_MOST;
    return folder == S_ISDIR(m->mode);
}

static bool is_usual(const unsigned char *record)
{
    uint64_t method = zip_number(record + 10, 2);

    return record[5] == HOST_UNIX && !(zip_number(record + 8, 2) & FLAGS_UNKNOWN) &&
           (method == METHOD_STORE || method == METHOD_DEFLATE) && zip_number(record + 34, 2) == 0;
}

static bool fits(const struct zip_directory *z, const struct zip_member *m)
{
    uint64_t start = (uint64_t)z->start;

    return m->offset <= start && start - m->offset >= LOCAL_LEN && m->packed <= start - m->offset - LOCAL_LEN &&
           m->size <= INT64_MAX && (m->deflated || m->size == m->packed);
}

static bool parse(struct zip_directory *z, const unsigned char *record, size_t name_len, size_t extra_len, struct zip_member *m)
{
    const unsigned char *name = record + CENTRAL_LEN;

    if (!is_usual(record) || name_len == 0 || name_len >= PATH_MAX || memchr(name, '\0', name_len))
        return false;
    *m = (struct zip_member){
        .name = z->name, .deflated = zip_number(record + 10, 2) == METHOD_DEFLATE, .mtime = NO_TIME,
        .crc = (uint32_t)zip_number(record + 16, 4), .packed = zip_number(record + 20, 4), .size = zip_number(record + 24, 4),
        .mode = (uint32_t)zip_number(record + 40, 2), .offset = zip_number(record + 42, 4),
    };
    memcpy(z->name, name, name_len);
    z->name[name_len] = '\0';
    if (!take_extra(m, name + name_len, extra_len) || !has_type(m, name_len) || !fits(z, m))
        return false;
    if (m->mtime == NO_TIME)
        m->mtime = from_dos(zip_number(record + 12, 4));
    return true;
}

/* 1: a record. 0: that was all. -1: it is not for us. */
static int next(struct zip_directory *z, struct zip_member *out)
{
    if (z->at == z->end && z->read == z->stop)
        return 0;
    const unsigned char *record = ahead(z, CENTRAL_LEN);
    if (!record || memcmp(record, "PK\1\2", 4) != 0)
        return -1;
    size_t name_len = (size_t)zip_number(record + 28, 2), extra_len = (size_t)zip_number(record + 30, 2);
    size_t len = CENTRAL_LEN + name_len + extra_len + (size_t)zip_number(record + 32, 2);
    record = ahead(z, len);
    if (!record || !parse(z, record, name_len, extra_len, out))
        return -1;
    z->at += len;
    return 1;
}

static void rewind_to_first(struct zip_directory *z)
{
    z->read = z->start;
    z->at = z->end = 0;
}

static bool is_ours(struct zip_directory *z, int64_t size)
{
    struct zip_member m;
    int more;

    if (!find(z, size))
        return false;
    rewind_to_first(z);
    while ((more = next(z, &m)) > 0)
        ;
    rewind_to_first(z);
    return more == 0;
}

struct zip_directory *zip_directory_open(int fd, int64_t size)
{
    struct zip_directory *z = xcalloc(1, sizeof *z);

    z->fd = fd;
    z->name = xmalloc(PATH_MAX);
    if (is_ours(z, size))
        return z;
    zip_directory_close(z);
    return NULL;
}

bool zip_directory_next(struct zip_directory *z, struct zip_member *out)
{
    return next(z, out) > 0;
}

void zip_directory_close(struct zip_directory *z)
{
    if (!z)
        return;
    free(z->name);
    free(z);
}
