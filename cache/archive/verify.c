#include "cache/archive/verify.h"

#include "cache/archive/reader.h"

#include <archive.h>
#include <archive_entry.h>

struct verification {
    struct reader reader;
    const struct extract_limits *limits;
    struct counted counted;
    struct archive_totals totals;
};

/* A file's checksum is compared at its end. */
static int read_data(struct verification *v, const char *name, struct err *e)
{
    const void *block;
    size_t len;
    int64_t offset;
    int more;

    while ((more = reader_data(&v->reader, &block, &len, &offset, e)) > 0) {
        v->totals.bytes += (int64_t)len;
        if (limits_bytes(v->limits, &v->counted, (int64_t)len, reader_taken(&v->reader), e) < 0)
            return -1;
    }
    return more < 0 ? err_wrap(e, "'%s'", name) : 0;
}

static int read_entry(struct verification *v, struct archive_entry *entry, struct err *e)
{
    const char *name = archive_entry_pathname(entry);

    v->totals.folders += archive_entry_filetype(entry) == AE_IFDIR;
    v->totals.links += archive_entry_filetype(entry) == AE_IFLNK;
    v->totals.files += archive_entry_filetype(entry) == AE_IFREG;
    if (limits_entry(v->limits, &v->counted, e) < 0)
        return -1;
    return read_data(v, name ? name : "", e);
}

static int read_all(struct verification *v, struct err *e)
{
    struct archive_entry *entry = NULL;
    int more;

    v->reader.whole = true; /* at the very end is the checksum of all */
    if (reader_open(&v->reader, e) < 0)
        return -1;
    while ((more = reader_next(&v->reader, &entry, e)) > 0)
        if (read_entry(v, entry, e) < 0)
            return -1;
    return more;
}

int archive_verify(int fd, const struct extract_limits *limits, struct archive_totals *out, struct err *e)
{
    struct verification v = { .limits = limits };
    int rc = reader_examine(&v.reader, fd, -1, e);

    if (rc == 0)
        rc = read_all(&v, e);
    v.totals.archive = v.reader.size;
    reader_close(&v.reader);
    if (out)
        *out = v.totals;
    return rc;
}
