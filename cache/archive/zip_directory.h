/* cache/archive/zip_directory.h: the entries of a zip by its directory, one after the other. For this folder alone.
 *
 * libarchive keeps a zip's whole directory in memory, some 200 bytes an entry. Here a window moves over it. Only what nearly all
 * zips are: entries stored or deflated, written by a Unix, with nothing unusual; every record is looked at before the first is
 * given. What is otherwise (ciphers, other methods, bytes before the archive, records that do not fit together) is left to
 * libarchive, and so is what to say about a broken one. */
#ifndef CACHE_ARCHIVE_ZIP_DIRECTORY_H
#define CACHE_ARCHIVE_ZIP_DIRECTORY_H

#include "base/memory.h"

#include <stdbool.h>
#include <stdint.h>

enum { ZIP_LINK_MOST = 4096 }; /* bytes of a link's target */

struct zip_member {
    char *name; /* borrowed until the next call */
    uint64_t offset, packed, size;
    uint32_t crc, mode, uid, gid; /* mode: with its type */
    int64_t mtime;
    bool deflated;
};

struct zip_directory; /* opaque */

/* `fd` has `size` bytes and can be read by pread. NULL: it is libarchive's. */
struct zip_directory *zip_directory_open(int fd, int64_t size);
/* False: that was all. */
bool zip_directory_next(struct zip_directory *z, struct zip_member *out);
void zip_directory_close(struct zip_directory *z); /* NULL is fine */

/* A number of that many bytes, the lowest first. */
uint64_t zip_number(const unsigned char *at, int bytes);

#endif
