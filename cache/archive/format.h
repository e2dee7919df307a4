/* cache/archive/format.h: the formats of caches and artifacts, and their levels (contract 3.4). */
#ifndef CACHE_ARCHIVE_FORMAT_H
#define CACHE_ARCHIVE_FORMAT_H

#include <stddef.h>

enum archive_format {
    FORMAT_ZIP,
    FORMAT_TAR_ZSTD,
    FORMAT_RAW,  /* the bytes of one file */
    FORMAT_GZIP, /* one member for each file; cannot be extracted */
};

enum archive_level { LEVEL_FASTEST, LEVEL_FAST, LEVEL_DEFAULT, LEVEL_SLOW, LEVEL_SLOWEST };

/* "zip" (also ""), "tarzstd", "zipzstd", "raw", "gzip", in any case. 0, or -1 for another word.
 * "zipzstd" is FORMAT_TAR_ZSTD: nothing here writes zip's method 93, and readers go by the first bytes. */
int archive_format_parse(const char *word, enum archive_format *out);
/* "fastest" to "slowest"; "" is the default. 0, or -1 for another word. */
int archive_level_parse(const char *word, enum archive_level *out);

/* ".zip", ".tar.zst", "", ".gz" */
const char *archive_format_extension(enum archive_format format);

/* What the first bytes say, as gitlab-runner reads them: all that is neither zstd nor gzip is a zip. */
#define FORMAT_MAGIC 4
enum archive_format archive_format_of(const void *start, size_t len);

/* What the linked libraries are, for --version: "libarchive 3.6.2, zstd 1.5.4, libdeflate 1.14, zlib 1.2.13 (threads: 2)".
 * The threads are our own and need none of the libraries'. Owned. */
char *archive_abilities(void);
/* How many threads compress: the processors that this process may use, at least 1 and at most 8. */
int archive_threads(void);

#endif
