#include "cache/archive/zip_data.h"

#include "base/memory.h"

#include <libdeflate.h>
#include <string.h>
#include <unistd.h>

enum {
    END_LEN = 22, COMMENT_MOST = 0xffff,
    CENTRAL_LEN = 46, LOCAL_LEN = 30,
    DIRECTORY_MOST = 32 << 20,
    FLAG_ENCRYPTED = 1,
    METHOD_DEFLATE = 8,
};

struct zip_place {
    uint32_t offset, packed, size, crc;
};

struct inflater {
    struct libdeflate_decompressor *d;
    unsigned char *packed;
    size_t room;
};

static uint32_t number(const unsigned char *at, int bytes)
{
    uint32_t value = 0;

    for (int i = bytes; i > 0; i--)
        value = value << 8 | at[i - 1];
    return value;
}

static bool read_all(int fd, void *buf, size_t len, int64_t at)
{
    return pread(fd, buf, len, at) == (ssize_t)len;
}

/* Where the directory is; false also where it needs ZIP64 to say so. */
static bool find_directory(int fd, int64_t size, uint32_t *offset, uint32_t *len)
{
    size_t most = (size_t)(size < END_LEN + COMMENT_MOST ? size : END_LEN + COMMENT_MOST);
    auto_free unsigned char *tail = xmalloc(most + 1);

    if (most < END_LEN || !read_all(fd, tail, most, size - (int64_t)most))
        return false;
    for (const unsigned char *at = tail + most - END_LEN; at >= tail; at--)
        if (memcmp(at, "PK\5\6", 4) == 0) {
            *len = number(at + 12, 4);
            *offset = number(at + 16, 4);
            return number(at + 10, 2) < 0xffff && *len <= DIRECTORY_MOST && (int64_t)*offset + *len <= size;
        }
    return false;
}

static bool is_ours(const unsigned char *record)
{
    return number(record + 10, 2) == METHOD_DEFLATE && !(number(record + 8, 2) & FLAG_ENCRYPTED) &&
           number(record + 20, 4) <= ZIP_DATA_MOST && number(record + 24, 4) <= ZIP_DATA_MOST;
}

static int by_offset(const void *a, const void *b)
{
    const struct zip_place *x = a, *y = b;
    return (x->offset > y->offset) - (x->offset < y->offset);
}

static void take_records(struct zip_data *z, const unsigned char *at, size_t left)
{
    z->places = xcalloc(left / CENTRAL_LEN + 1, sizeof *z->places);
    while (left >= CENTRAL_LEN && memcmp(at, "PK\1\2", 4) == 0) {
        size_t len = CENTRAL_LEN + (size_t)number(at + 28, 2) + number(at + 30, 2) + number(at + 32, 2);
        if (is_ours(at))
            z->places[z->n++] =
                (struct zip_place){ number(at + 42, 4), number(at + 20, 4), number(at + 24, 4), number(at + 16, 4) };
        if (len > left)
            break;
        at += len;
        left -= len;
    }
    qsort(z->places, z->n, sizeof *z->places, by_offset);
}

void zip_data_read(struct zip_data *z, int fd, int64_t size)
{
    uint32_t offset, len;

    if (!find_directory(fd, size, &offset, &len))
        return;
    auto_free unsigned char *directory = xmalloc(len + 1);
    if (read_all(fd, directory, len, offset))
        take_records(z, directory, len);
}

void zip_data_release(struct zip_data *z)
{
    free(z->places);
    *z = (struct zip_data){ 0 };
}

struct inflater *inflater_new(void)
{
    struct inflater *i = xcalloc(1, sizeof *i);

    i->d = libdeflate_alloc_decompressor();
    if (!i->d)
        abort(); /* out of memory, as everywhere */
    return i;
}

void inflater_free(struct inflater *i)
{
    if (!i)
        return;
    libdeflate_free_decompressor(i->d);
    free(i->packed);
    free(i);
}

/* The last that begins before `position`; NULL: there is none. */
static const struct zip_place *place_before(const struct zip_data *z, int64_t position)
{
    size_t low = 0, high = z->n;

    while (low < high) {
        size_t middle = (low + high) / 2;
        if (z->places[middle].offset < position)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 ? &z->places[low - 1] : NULL;
}

static bool begins_at(const struct zip_place *p, int fd, int64_t position)
{
    unsigned char local[LOCAL_LEN];

    return read_all(fd, local, sizeof local, p->offset) && memcmp(local, "PK\3\4", 4) == 0 &&
           (int64_t)p->offset + LOCAL_LEN + number(local + 26, 2) + number(local + 28, 2) == position;
}

bool zip_data_inflate(const struct zip_data *z, struct inflater *i, int fd, int64_t position, size_t size, void *out)
{
    const struct zip_place *p = place_before(z, position);

    if (!p || p->size != size || !begins_at(p, fd, position))
        return false;
    if (i->room < p->packed || !i->packed) {
        free(i->packed);
        i->room = p->packed + (size_t)1;
        i->packed = xmalloc(i->room);
    }
    return read_all(fd, i->packed, p->packed, position) &&
           libdeflate_deflate_decompress(i->d, i->packed, p->packed, out, size, NULL) == LIBDEFLATE_SUCCESS &&
           libdeflate_crc32(0, out, size) == p->crc;
}
