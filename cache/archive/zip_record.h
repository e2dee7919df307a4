/* cache/archive/zip_record.h: the records of a zip, as bytes. Pure functions. For this folder alone. */
#ifndef CACHE_ARCHIVE_ZIP_RECORD_H
#define CACHE_ARCHIVE_ZIP_RECORD_H

#include "base/strbuf.h"

#include <stdint.h>
#include <sys/stat.h>

struct zip_entry {
    uint64_t offset, size, packed;
    uint32_t crc;
    bool plain;    /* it is not to be deflated */
    bool deflated; /* it is */
    bool streamed; /* sizes follow the data */
    bool large;    /* streamed, and perhaps of 4 GiB and more */
    bool utf8;
    uint32_t mode, uid, gid;
    int64_t mtime;
    char name[]; /* a folder's ends in a slash */
};

struct zip_entry *zip_entry_new(const char *name, const struct stat *st); /* the caller's to free() */

/* Append: what stands before the data, after it when it was streamed, at the archive's end for each entry, and last. */
void zip_put_local(struct strbuf *out, const struct zip_entry *entry);
void zip_put_descriptor(struct strbuf *out, const struct zip_entry *entry);
void zip_put_central(struct strbuf *out, const struct zip_entry *entry);
void zip_put_end(struct strbuf *out, uint64_t entries, uint64_t central_offset, uint64_t central_len);

/* The checksum of two pieces one after the other, of which the second has `len` bytes. */
uint32_t zip_crc_join(uint32_t first, uint32_t second, size_t len);

#endif
