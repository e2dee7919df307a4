/* cache/archive/zip_data.h: files of a zip that are inflated whole, by libdeflate. For this folder alone.
 *
 * libarchive reads a zip's names, modes and links, and can inflate everything, at a third of the speed. Here stands where the
 * directory says that deflated files of moderate size are. What does not fit together (with what libarchive found, with the
 * local header, with the checksum) is left to libarchive, and so are zips with ZIP64 records: nothing fails here. */
#ifndef CACHE_ARCHIVE_ZIP_DATA_H
#define CACHE_ARCHIVE_ZIP_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ZIP_DATA_MOST = 1 << 22 }; /* bytes of a file, packed or not */

struct zip_data {
    struct zip_place *places; /* by offset */
    size_t n;
};

/* `fd` has `size` bytes and can be read by pread. */
void zip_data_read(struct zip_data *z, int fd, int64_t size);
void zip_data_release(struct zip_data *z);

/* One thread's. */
struct inflater;
struct inflater *inflater_new(void);
void inflater_free(struct inflater *i); /* NULL is fine */

/* The file of `size` bytes, at most ZIP_DATA_MOST, whose data begins at `position`, into `out`. False: not by us. */
bool zip_data_inflate(const struct zip_data *z, struct inflater *i, int fd, int64_t position, size_t size, void *out);

#endif
