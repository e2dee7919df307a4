/* cache/archive/verify.h: whether an archive can be read to its end. */
#ifndef CACHE_ARCHIVE_VERIFY_H
#define CACHE_ARCHIVE_VERIFY_H

#include "cache/archive/limits.h"
#include "cache/archive/write.h"

/* Decode all of the file `fd` and write nothing: every checksum is looked at that the format has. `out` may be
 * NULL. ERR_JOB: it is broken, or comes out as more than the limits allow; the message names the entry. */
int archive_verify(int fd, const struct extract_limits *limits, struct archive_totals *out, struct err *e);

#endif
