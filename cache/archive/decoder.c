/* Entries of an archive, one after the other: small files are handed over whole, large ones by pieces. */
#include "cache/archive/entry_name.h"
#include "cache/archive/extraction.h"
#include "cache/archive/hardlink.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <string.h>

enum { WHOLE = 1 << 19 }; /* up to here a file is handed over whole */

static int broken(struct decoder *d, const char *name, struct err *e)
{
    auto_free char *what = xasprintf("extract '%s'", name);
    return reader_fail(&d->reader, what, e);
}

static int count(struct decoder *d, int64_t bytes, struct err *e)
{
    d->totals.bytes += bytes;
    return limits_bytes(&d->x->rules->limits, &d->x->counted, bytes, reader_taken(&d->reader), e);
}

static int whole_file(struct decoder *d, struct archive_entry *entry, struct output *file, struct err *e)
{
    size_t size = (size_t)archive_entry_size(entry), got = 0;
    auto_free char *data = xmalloc(size + 1);
    la_ssize_t n;

    /* One byte more than there is: only at the end is the checksum looked at. */
    while ((n = archive_read_data(d->reader.a, data + got, size + 1 - got)) > 0 && (got += (size_t)n) <= size)
        ;
    if (n < 0)
        return broken(d, file->name, e);
    if (got != size)
        return err_set(e, ERR_JOB, 0, "extract '%s': its size is not what the archive says", file->name);
    return count(d, (int64_t)size, e) < 0 ? -1 : outputs_put(d->x->outputs, file, take(&data), size, 0);
}

static int put_block(struct decoder *d, struct output *file, const void *block, size_t len, int64_t offset, struct err *e)
{
    if (offset < file->size)
        return err_set(e, ERR_JOB, 0, "extract '%s': its pieces are out of order", file->name);
    if (offset > INT64_MAX - (int64_t)len)
        return limits_bytes(&d->x->rules->limits, &d->x->counted, -1, -1, e);
    if (count(d, offset + (int64_t)len - file->size, e) < 0)
        return -1;
    file->size = offset + (int64_t)len;
    for (const char *at = block; len > 0;) {
        size_t n = len < OUTPUT_PIECE ? len : OUTPUT_PIECE;
        char *data = memcpy(outputs_room(d->x->outputs), at, n);
        if (outputs_put(d->x->outputs, file, data, n, offset) < 0)
            return -1;
        at += n;
        len -= n;
        offset += (int64_t)n;
    }
    return 0;
}

static int large_file(struct decoder *d, struct archive_entry *entry, struct output *file, struct err *e)
{
    const void *block;
    size_t len;
    la_int64_t offset;
    int result = archive_read_data_block(d->reader.a, &block, &len, &offset);

    if (result != ARCHIVE_OK && result != ARCHIVE_EOF) /* before anything is made */
        return broken(d, file->name, e);
    file->fd = tree_create(&d->tree, file->name, file->as.mode, e);
    if (file->fd < 0)
        return -1;
    for (; result == ARCHIVE_OK; result = archive_read_data_block(d->reader.a, &block, &len, &offset))
        if (put_block(d, file, block, len, offset, e) < 0)
            return -1;
    if (result != ARCHIVE_EOF)
        return broken(d, file->name, e);
    int64_t size = archive_entry_size_is_set(entry) ? archive_entry_size(entry) : file->size;
    return size > file->size ? put_block(d, file, "", 0, size, e) : 0; /* it ends in a hole */
}

/* Whether the file has been inflated and handed over; *result of that. */
static bool inflated(struct decoder *d, struct archive_entry *entry, struct output *file, int *result, struct err *e)
{
    int64_t size = archive_entry_size(entry);

    if (d->x->zip_data.n == 0 || !archive_entry_size_is_set(entry) || size <= 0 || size > ZIP_DATA_MOST)
        return false;
    auto_free char *data = xmalloc((size_t)size);
    d->inflater = d->inflater ? d->inflater : inflater_new();
    if (!zip_data_inflate(&d->x->zip_data, d->inflater, d->reader.fd, reader_position(&d->reader), (size_t)size, data))
        return false;
    *result = count(d, size, e) < 0 ? -1 : outputs_put(d->x->outputs, file, take(&data), (size_t)size, 0);
    return true;
}

static int regular_file(struct decoder *d, struct archive_entry *entry, const char *name, const struct attributes *as,
                        struct err *e)
{
    bool whole = archive_entry_size_is_set(entry) && archive_entry_size(entry) <= WHOLE &&
                 archive_entry_size(entry) >= 0 && archive_entry_sparse_count(entry) == 0;
    struct output *file = output_new(name, as);
    int result;

    d->totals.files++;
    if (inflated(d, entry, file, &result, e))
        whole = true;
    else
        result = whole ? whole_file(d, entry, file, e) : large_file(d, entry, file, e);
    if (result < 0) {
        if (file->fd >= 0 && !whole)
            tree_remove(&d->tree, name);
        (void)outputs_fail(d->x->outputs, e);
    }
    output_drop(d->x->outputs, &d->tree, file);
    return result;
}

/* What ours says about a file with several names: the first, if it is in this archive too. Owned. */
static char *same_as(const struct decoder *d, struct archive_entry *entry)
{
    const char *key;
    const void *value;
    size_t len;

    if (archive_entry_xattr_reset(entry) == 0)
        return NULL;
    while (archive_entry_xattr_next(entry, &key, &value, &len) == ARCHIVE_OK)
        if (strcmp(key, HARDLINK_MARK) == 0) {
            auto_free char *text = xstrndup(value, len);
            auto_free char *first = entry_name_clean(text);
            return first && *first && seen_last(&d->seen, seen_hash(first)) ? take(&first) : NULL;
        }
    return NULL;
}

static int hard_link(struct decoder *d, const char *name, const char *target, const struct attributes *as, struct err *e)
{
    auto_free char *first = entry_name_clean(target);

    if (!first || !*first)
        return err_set(e, ERR_JOB, 0, "extract '%s': it is a hard link to '%s', which is outside of the folder", name, target);
    lates_add(&d->links, name, first, as, d->number, false);
    d->totals.files++;
    return 0;
}

static int leave_out(struct decoder *d, const char *name, const char *why)
{
    report_line(d->x->report, LOG_WARNING, "%s: %s: not extracted", name, why);
    d->totals.left_out++;
    return 0;
}

static int symbolic_link(struct decoder *d, struct archive_entry *entry, const char *name, const struct attributes *as)
{
    const char *target = archive_entry_symlink(entry);

    if (!target || !*target)
        return leave_out(d, name, "a link to nothing");
    if (!d->x->rules->links_outside && !entry_link_inside(name, target))
        return leave_out(d, name, "a link that leads outside of the folder");
    lates_add(&d->links, name, target, as, d->number, true);
    d->totals.links++;
    return 0;
}

static int by_type(struct decoder *d, struct archive_entry *entry, const char *name, struct err *e)
{
    mode_t kept = d->x->rules->special_modes ? 07777 : 0777;
    const struct attributes as = {
        .mode = archive_entry_perm(entry) & kept,
        .mtime = { archive_entry_mtime(entry), archive_entry_mtime_nsec(entry) },
        .uid = (uid_t)archive_entry_uid(entry),
        .gid = (gid_t)archive_entry_gid(entry),
    };
    const char *target = archive_entry_hardlink(entry);

    if (target)
        return hard_link(d, name, target, &as, e);
    switch (archive_entry_filetype(entry)) {
    case AE_IFREG: {
        auto_free char *first = same_as(d, entry);
        return first ? hard_link(d, name, first, &as, e) : regular_file(d, entry, name, &as, e);
    }
    case AE_IFDIR:
        lates_add(&d->folders, name, NULL, &as, d->number, false);
        d->totals.folders++;
        return 0;
    case AE_IFLNK:
        return symbolic_link(d, entry, name, &as);
    default:
        return leave_out(d, name, "neither file, folder nor link");
    }
}

static int extract_entry(struct decoder *d, struct archive_entry *entry, struct err *e)
{
    const char *given = archive_entry_pathname(entry);
    auto_free char *name = given ? entry_name_clean(given) : NULL;

    if (!name)
        return err_set(e, ERR_JOB, 0, "the archive's entry '%s' would be outside of the folder: not extracted", given ? given : "");
    if (!*name) /* the folder itself */
        return 0;
    uint64_t hash = seen_hash(name);
    if (d->shares > 1 && (hash >> 20) % d->shares != d->share)
        return 0;
    if (limits_entry(&d->x->rules->limits, &d->x->counted, e) < 0)
        return -1;
    d->number++;
    if (seen_add(&d->seen, hash, d->number))
        outputs_drain(d->x->outputs); /* the later of two wins, so the earlier has to be there */
    return by_type(d, entry, name, e);
}

int decoder_run(struct decoder *d, struct archive_entry *entry, struct err *e)
{
    int more = entry ? 1 : reader_next(&d->reader, &entry, e);

    while (more > 0 && !outputs_failed(d->x->outputs)) {
        if (extract_entry(d, entry, e) < 0)
            return -1;
        more = reader_next(&d->reader, &entry, e);
    }
    return more < 0 ? -1 : 0;
}
