/* cache/archive/limits.h: how much may come out of an archive before it is taken for a bomb. */
#ifndef CACHE_ARCHIVE_LIMITS_H
#define CACHE_ARCHIVE_LIMITS_H

#include "base/err.h"

#include <stdatomic.h>
#include <stdint.h>

/* 0: no limit */
struct extract_limits {
    int64_t entries;
    int64_t bytes; /* of all files, holes included */
    int ratio;     /* bytes that come out for one that goes in; looked at from LIMITS_RATIO_FROM bytes on */
};

#define LIMITS_RATIO_FROM ((int64_t)1 << 30)
#define EXTRACT_LIMITS    { 10 * 1000 * 1000, (int64_t)1 << 40, 2000 }

/* What has come out so far; may be counted by several threads. */
struct counted {
    _Atomic int64_t entries, bytes;
};

/* Count one entry, or bytes of a file of which `packed` bytes of the archive have been read (-1: not known).
 * -1 with ERR_JOB when that is too much; the message names the limit. */
int limits_entry(const struct extract_limits *l, struct counted *c, struct err *e);
int limits_bytes(const struct extract_limits *l, struct counted *c, int64_t bytes, int64_t packed, struct err *e);

#endif
