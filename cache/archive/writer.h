/* cache/archive/writer.h: what the formats have in common. For this folder alone. */
#ifndef CACHE_ARCHIVE_WRITER_H
#define CACHE_ARCHIVE_WRITER_H

#include "cache/archive/source.h"
#include "cache/archive/write.h"

/* One archive under way. */
struct writing {
    const struct archive_spec *spec;
    archive_sink_fn *sink;
    void *ctx;
    const struct report *report;
    struct beneath at;
    struct archive_totals totals;
};

/* Hand on bytes of the archive, and count them. */
int writing_put(struct writing *w, const void *data, size_t len, struct err *e);
/* 1: names[i] is open, and counted. 0: it is left out. */
int writing_open(struct writing *w, size_t i, struct source *s);

/* All of spec->names, in one format. */
int write_tar_zstd(struct writing *w, struct err *e);
int write_zip(struct writing *w, struct err *e);
int write_gzip(struct writing *w, struct err *e);

#endif
