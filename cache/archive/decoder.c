/* Entries of an archive, one after the other: small files are handed over whole, large ones by pieces. */
#include "cache/archive/entry_name.h"
#include "cache/archive/extraction.h"
#include "cache/archive/hardlink.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <string.h>

enum { WHOLE = 1 << 19 }; /* up to here a file is handed over whole */

static int broken(const char *name, struct err *e)
{
    return err_wrap(e, "extract '%s'", name);
}

static int count(struct decoder *d, int64_t bytes, struct err *e)
{
    d->totals.bytes += bytes;
    return limits_bytes(&d->x->rules->limits, &d->x->counted, bytes, reader_taken(&d->reader), e);
}

static int put_whole(struct decoder *d, struct output *file, struct block *block, const char *data, size_t size, struct err *e)
{
    if (count(d, (int64_t)size, e) == 0)
        return outputs_put(d->x->outputs, file, block, data, size, 0);
    block_drop(block);
    return -1;
}

static int wrong_size(const struct output *file, struct err *e)
{
    return err_set(e, ERR_JOB, 0, "extract '%s': its size is not what the archive says", file->name);
}

/* From the decoded frame itself where all of the file stands in it, else from a copy. Read on until the end says so: only
 * there is a zip's checksum looked at. */
static int read_whole(struct decoder *d, const struct output *file, size_t size, struct block **block, const char **data, struct err *e)
{
    size_t got = 0, len;
    const void *at;
    int64_t offset;
    int more;

    while ((more = reader_data(&d->reader, &at, &len, &offset, e)) > 0) {
        if (offset != (int64_t)got || len > size - got)
            return wrong_size(file, e);
        if (!*block && len == size && size > 0)
            *block = reader_block(&d->reader, *data = at, size);
        if (!*block)
            *data = (*block = block_new(size))->data;
        if (*data != at && len > 0)
            memcpy((*block)->data + got, at, len);
        got += len;
    }
    if (more < 0)
        return broken(file->name, e);
    return got == size ? 0 : wrong_size(file, e);
}

static int whole_file(struct decoder *d, struct archive_entry *entry, struct output *file, struct err *e)
{
    size_t size = (size_t)archive_entry_size(entry);
    struct block *block = NULL;
    const char *data = "";

    if (read_whole(d, file, size, &block, &data, e) == 0)
        return put_whole(d, file, block, data, size, e);
    block_drop(block);
    return -1;
}

static int put_copy(struct decoder *d, struct output *file, const char *at, size_t len, int64_t offset)
{
    while (len > 0) {
        size_t n = len < OUTPUT_PIECE ? len : OUTPUT_PIECE;
        struct block *block = outputs_room(d->x->outputs);
        memcpy(block->data, at, n);
        if (outputs_put(d->x->outputs, file, block, block->data, n, offset) < 0)
            return -1;
        at += n;
        len -= n;
        offset += (int64_t)n;
    }
    return 0;
}

static int put_block(struct decoder *d, struct output *file, const void *data, size_t len, int64_t offset, struct err *e)
{
    if (offset < file->size)
        return err_set(e, ERR_JOB, 0, "extract '%s': its pieces are out of order", file->name);
    if (offset > INT64_MAX - (int64_t)len)
        return limits_bytes(&d->x->rules->limits, &d->x->counted, -1, -1, e);
    if (count(d, offset + (int64_t)len - file->size, e) < 0)
        return -1;
    file->size = offset + (int64_t)len;
    struct block *block = len > 0 ? reader_block(&d->reader, data, len) : NULL;
    return block ? outputs_put(d->x->outputs, file, block, data, len, offset) : put_copy(d, file, data, len, offset);
}

static int large_file(struct decoder *d, struct archive_entry *entry, struct output *file, struct err *e)
{
    const void *block;
    size_t len;
    int64_t offset;
    int more = reader_data(&d->reader, &block, &len, &offset, e);

    if (more < 0) /* before anything is made */
        return broken(file->name, e);
    file->fd = tree_create(&d->tree, file->name, file->as.mode, e);
    if (file->fd < 0)
        return -1;
    for (; more > 0; more = reader_data(&d->reader, &block, &len, &offset, e))
        if (put_block(d, file, block, len, offset, e) < 0)
            return -1;
    if (more < 0)
        return broken(file->name, e);
    int64_t size = archive_entry_size_is_set(entry) ? archive_entry_size(entry) : file->size;
    return size > file->size ? put_block(d, file, "", 0, size, e) : 0; /* it ends in a hole */
}

static int inflated_file(struct decoder *d, struct archive_entry *entry, struct output *file, struct err *e)
{
    size_t size = (size_t)archive_entry_size(entry);
    struct block *block = block_new(size);

    if (reader_whole(&d->reader, block->data, e) == 0)
        return put_whole(d, file, block, block->data, size, e);
    block_drop(block);
    return broken(file->name, e);
}

/* How a file's bytes are had: all at once where that can be. */
static bool is_whole(const struct decoder *d, struct archive_entry *entry)
{
    return reader_has_whole(&d->reader) || (archive_entry_size_is_set(entry) && archive_entry_size(entry) <= WHOLE &&
                                            archive_entry_size(entry) >= 0 && archive_entry_sparse_count(entry) == 0);
}

static int regular_file(struct decoder *d, struct archive_entry *entry, const char *name, const struct attributes *as,
                        struct err *e)
{
    bool whole = is_whole(d, entry);
    struct output *file = output_new(name, as);
    int result;

    d->totals.files++;
    if (reader_has_whole(&d->reader))
        result = inflated_file(d, entry, file, e);
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
