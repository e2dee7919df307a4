/* cache/archive/reader.h: reading one archive from a descriptor. For this folder alone.
 *
 * By libarchive, but for the bytes of tar.zst (unzstd.h) and for the usual zips (zip_directory.h), whose entries come in
 * libarchive's form all the same. */
#ifndef CACHE_ARCHIVE_READER_H
#define CACHE_ARCHIVE_READER_H

#include "base/err.h"
#include "cache/archive/format.h"
#include "cache/archive/zip_data.h"

#include <stdbool.h>
#include <stdint.h>

struct archive;
struct archive_entry;
struct block;
struct unzstd;

struct reader {
    int fd;              /* borrowed; read by pread where it is seekable, so that several readers share it */
    bool seekable, spooled; /* spooled: fd is ours, a copy */
    bool whole;          /* to be set before reader_open(): a tar is read behind its own end too */
    int64_t at, size;    /* size: of a seekable one */
    char start[FORMAT_MAGIC]; /* of one that is not: what was read to tell the format */
    size_t start_len;
    enum archive_format format;
    char *buf;           /* of a zip that libarchive reads */
    struct unzstd *zstd; /* of a tar */
    struct archive *a;   /* NULL: of a usual zip, which the next four read */
    struct zip_directory *directory;
    struct zip_data *data;
    struct archive_entry *entry;
    struct zip_member member;
    int64_t offset; /* of the next piece in its file */
};

/* Find out what `fd` is. ERR_JOB for a gzip, which nothing extracts, and for what is no archive. A zip that is not
 * seekable is copied to a file without a name in `root` first: modes and links stand at its end. */
int reader_examine(struct reader *r, int fd, int root, struct err *e);
/* Another reader of the same archive, for another thread. */
void reader_copy(struct reader *r, const struct reader *from);
int reader_open(struct reader *r, struct err *e);
/* 1: the next entry, borrowed. 0: there is none. */
int reader_next(struct reader *r, struct archive_entry **entry, struct err *e);
/* Bytes of the archive that have been read, of a tar; -1 for a zip, whose order says nothing. */
int64_t reader_taken(const struct reader *r);
/* The next piece of the entry's data, borrowed until the next call. 1: there is one. 0: that was all, and its checksum is right. */
int reader_data(struct reader *r, const void **data, size_t *len, int64_t *offset, struct err *e);
/* Whether reader_whole() can give all of it at once, into room for its size, and is the fastest way. */
bool reader_has_whole(const struct reader *r);
int reader_whole(struct reader *r, void *out, struct err *e);
/* The block that these bytes of reader_data() stand in, held for the caller; NULL: they go with the next call. */
struct block *reader_block(const struct reader *r, const void *data, size_t len);
/* To be called before reader_next() waits for such a block. */
void reader_before_waiting(struct reader *r, void (*call)(void *ctx), void *ctx);
void reader_close(struct reader *r);

#endif
