#include "cache/archive/zip_data.h"

#include <errno.h>
#include <libdeflate.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

enum {
    LOCAL_LEN = 30,
    IN = 1 << 17,
    BLOCKS = 24, /* pieces on their way into files */
};

struct zip_data {
    int fd;
    struct libdeflate_decompressor *whole;
    struct blocks *blocks;
    struct block *held; /* the last piece */
    z_stream z;
    unsigned char *in; /* packed bytes */
    size_t in_room;

    struct zip_member m; /* being read; its name is not ours */
    bool begun, ended;
    int64_t at;            /* where its next packed bytes are */
    uint64_t packed, left; /* that were not read, that did not come out yet */
    uint32_t crc;
};

struct zip_data *zip_data_new(int fd)
{
    struct zip_data *z = xcalloc(1, sizeof *z);

    z->fd = fd;
    z->whole = libdeflate_alloc_decompressor();
    if (!z->whole || inflateInit2(&z->z, -MAX_WBITS) != Z_OK)
        abort(); /* out of memory, as everywhere */
    z->blocks = blocks_open(BLOCKS);
    return z;
}

void zip_data_free(struct zip_data *z)
{
    if (!z)
        return;
    libdeflate_free_decompressor(z->whole);
    (void)inflateEnd(&z->z);
    block_drop(z->held);
    blocks_close(z->blocks);
    free(z->in);
    free(z);
}

void zip_data_before_waiting(struct zip_data *z, void (*call)(void *ctx), void *ctx)
{
    blocks_before_waiting(z->blocks, call, ctx);
}

void zip_data_start(struct zip_data *z, const struct zip_member *m)
{
    z->m = *m;
    z->begun = false;
}

bool zip_data_is_moderate(const struct zip_member *m)
{
    return m->size <= ZIP_DATA_MOST && m->packed <= ZIP_DATA_MOST;
}

static int broken(struct err *e, const char *why)
{
    return err_set(e, ERR_JOB, 0, "%s", why);
}

static int read_all(struct zip_data *z, void *buf, size_t len, struct err *e)
{
    for (char *to = buf; len > 0;) {
        ssize_t n = pread(z->fd, to, len, z->at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_set(e, ERR_SYSTEM, errno, "read the archive: %s", strerror(errno));
        if (n == 0)
            return broken(e, "the archive is cut off");
        to += n;
        z->at += n;
        len -= (size_t)n;
    }
    return 0;
}

/* Behind the local header, whose length only it tells. */
static int begin(struct zip_data *z, struct err *e)
{
    unsigned char local[LOCAL_LEN];

    z->at = (int64_t)z->m.offset;
    if (read_all(z, local, sizeof local, e) < 0)
        return -1;
    if (memcmp(local, "PK\3\4", 4) != 0 || (zip_number(local + 8, 2) != 0) != z->m.deflated)
        return broken(e, "its header is not what the archive's directory says");
    z->at += (int64_t)(zip_number(local + 26, 2) + zip_number(local + 28, 2));
    z->packed = z->m.packed;
    z->left = z->m.size;
    z->crc = 0;
    z->begun = true;
    z->ended = false;
    (void)inflateReset(&z->z);
    z->z.avail_in = 0;
    return 0;
}

static void make_in(struct zip_data *z, size_t room)
{
    if (z->in && z->in_room >= room)
        return;
    free(z->in);
    z->in = xmalloc(room + 1);
    z->in_room = room;
}

static int inflate_whole(struct zip_data *z, void *out, struct err *e)
{
    size_t packed = (size_t)z->m.packed;

    make_in(z, packed);
    if (read_all(z, z->in, packed, e) < 0)
        return -1;
    if (libdeflate_deflate_decompress(z->whole, z->in, packed, out, (size_t)z->m.size, NULL) != LIBDEFLATE_SUCCESS)
        return broken(e, "ZIP decompression failed");
    return 0;
}

static int compare(const struct zip_data *z, struct err *e)
{
    return z->crc == z->m.crc ? 0 : broken(e, "ZIP bad CRC");
}

int zip_data_whole(struct zip_data *z, void *out, struct err *e)
{
    if (begin(z, e) < 0 || (z->m.deflated ? inflate_whole(z, out, e) : read_all(z, out, (size_t)z->m.size, e)) < 0)
        return -1;
    z->ended = true;
    z->crc = libdeflate_crc32(0, out, (size_t)z->m.size);
    return compare(z, e);
}

static ssize_t read_piece(struct zip_data *z, struct err *e)
{
    size_t len = z->left < ZIP_DATA_PIECE ? (size_t)z->left : ZIP_DATA_PIECE;

    return read_all(z, z->held->data, len, e) < 0 ? -1 : (ssize_t)len;
}

static int feed(struct zip_data *z, struct err *e)
{
    size_t len = z->packed < IN ? (size_t)z->packed : IN;

    make_in(z, IN);
    if (len == 0)
        return broken(e, "the archive is cut off");
    if (read_all(z, z->in, len, e) < 0)
        return -1;
    z->packed -= len;
    z->z.next_in = z->in;
    z->z.avail_in = (unsigned)len;
    return 0;
}

static ssize_t inflate_piece(struct zip_data *z, struct err *e)
{
    int result = Z_OK;

    z->z.next_out = (unsigned char *)z->held->data;
    z->z.avail_out = ZIP_DATA_PIECE;
    while (result == Z_OK && z->z.avail_out > 0) {
        if (z->z.avail_in == 0 && feed(z, e) < 0)
            return -1;
        result = inflate(&z->z, Z_NO_FLUSH);
    }
    size_t len = ZIP_DATA_PIECE - z->z.avail_out;
    if ((result != Z_OK && result != Z_STREAM_END) || len > z->left || (result == Z_STREAM_END && len < z->left))
        return broken(e, "ZIP decompression failed");
    return (ssize_t)len;
}

ssize_t zip_data_next(struct zip_data *z, const void **data, struct err *e)
{
    block_drop(take(&z->held));
    if (!z->begun && begin(z, e) < 0)
        return -1;
    if (z->left == 0) {
        bool first = !z->ended;
        z->ended = true;
        return first ? compare(z, e) : 0;
    }
    z->held = blocks_take(z->blocks, ZIP_DATA_PIECE, true);
    ssize_t n = z->m.deflated ? inflate_piece(z, e) : read_piece(z, e);
    if (n < 0)
        return -1;
    z->crc = libdeflate_crc32(z->crc, z->held->data, (size_t)n);
    z->left -= (uint64_t)n;
    *data = z->held->data;
    return n;
}

struct block *zip_data_block(const struct zip_data *z, const void *data)
{
    return z->held && z->held->data == data ? block_hold(z->held) : NULL;
}
