/* cache/archive/source.h: one thing of the tree while it is archived. For this folder alone. */
#ifndef CACHE_ARCHIVE_SOURCE_H
#define CACHE_ARCHIVE_SOURCE_H

#include "base/err.h"
#include "cache/archive/beneath.h"
#include "cache/report.h"

#include <limits.h>
#include <stdint.h>
#include <sys/stat.h>

struct source {
    const char *name;    /* borrowed */
    struct stat st;      /* a regular file, a directory or a symbolic link */
    int fd;              /* of a file; -1 */
    int64_t left;        /* of st.st_size */
    int64_t data, hole;  /* the next piece with data, when it is sparse: [data, hole) */
    bool sparse, changed;
    char link[PATH_MAX]; /* a symbolic link's target */
};

/* 1: it is there. 0: it is left out, with a line. */
int source_open(struct beneath *at, const char *name, struct source *out, const struct report *report);

/* The next `size` bytes, fewer only at the end: the file's size is what it was when it was opened. What
 * has gone since is read as zeros. Returns how many; 0 at the end. */
size_t source_read(struct source *s, void *buf, size_t size);

/* A line if it was another file at the end than at the beginning. */
void source_close(struct source *s, const struct report *report);

#endif
