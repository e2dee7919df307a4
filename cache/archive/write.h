/* cache/archive/write.h: files of a tree into an archive, which goes out as it is made.
 *
 * Nothing is stored whole: peak memory does not grow with the files. What cannot be archived (a socket, a
 * device, what has vanished since it was listed) is a line and is left out; a file that shrinks or
 * grows while it is read is a line, and the archive stays whole. */
#ifndef CACHE_ARCHIVE_WRITE_H
#define CACHE_ARCHIVE_WRITE_H

#include "base/err.h"
#include "base/strvec.h"
#include "cache/archive/format.h"
#include "cache/report.h"

#include <stdint.h>

struct archive_spec {
    enum archive_format format;
    enum archive_level level;
    const char *root;           /* the folder that names are relative to */
    const struct strvec *names; /* sorted, clean; directories without a slash at the end */
    const struct strvec *given; /* gzip: what each name was asked for as, for the comment; NULL: the names */
};

struct archive_totals {
    int64_t files, folders, links; /* hard links are files */
    int64_t bytes;                 /* of the files */
    int64_t archive;               /* of the archive */
    int64_t left_out;
};

/* Gets the archive's bytes. A negative return ends the writing with the error that it set. */
typedef int archive_sink_fn(void *ctx, const void *data, size_t len, struct err *e);

/* `out` may be NULL. ERR_JOB for what the job asked for and cannot have: "only one file can be sent as raw". */
int archive_write(const struct archive_spec *spec, archive_sink_fn *sink, void *ctx, const struct report *report,
                  struct archive_totals *out, struct err *e);

#endif
