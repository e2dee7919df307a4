/* zip, with deflate by several threads. libarchive reads zips for us but has one thread to write them, which is a
 * third of the speed on two processors; the container itself is little. */
#include "cache/archive/deflate.h"
#include "cache/archive/unzstd.h"
#include "cache/archive/writer.h"
#include "cache/archive/zip_record.h"
#include "cache/archive/zstd.h"

#include <string.h>

/* libdeflate's; the default's archives are no larger than the official helper's, whose compressor is Go's at 6. */
static const int levels[] = {
    [LEVEL_FASTEST] = 0, [LEVEL_FAST] = 1, [LEVEL_DEFAULT] = 3, [LEVEL_SLOW] = 7, [LEVEL_SLOWEST] = 9,
};

struct zip {
    struct writing *w;
    struct ring *deflater;
    struct strbuf record;    /* of the directory, that is being made */
    struct zstd *packer;     /* of the records so far: as they are, those of many files would be most of our memory */
    struct strbuf packed;
    uint64_t central_len;    /* unpacked */
    struct strbuf text;      /* the header that is being made */
    uint64_t entries;
    struct zip_entry *open;  /* the entry whose pieces come out of the deflater just now */
    struct err *e;
};

static int put_text(struct zip *z)
{
    int result = writing_put(z->w, strbuf_text(&z->text), z->text.len, z->e);
    strbuf_clear(&z->text);
    return result;
}

/* The first piece is here. If it is the only one, everything is known and can stand before the data. */
static int begin(struct zip *z, struct piece *p)
{
    struct zip_entry *entry = z->open = p->owner;

    entry->offset = (uint64_t)z->w->totals.archive;
    entry->deflated = !p->plain;
    entry->streamed = !p->last;
    if (p->last && p->out_len >= p->len) {
        entry->deflated = false;
        p->out = p->in;
        p->out_len = p->len;
    }
    if (p->last) {
        entry->crc = p->crc;
        entry->size = p->len;
        entry->packed = p->out_len;
    }
    zip_put_local(&z->text, entry);
    return put_text(z);
}

static int end(struct zip *z)
{
    struct zip_entry *entry = take(&z->open);
    int result = 0;

    if (entry->streamed) {
        zip_put_descriptor(&z->text, entry);
        result = put_text(z);
    }
    strbuf_clear(&z->record);
    zip_put_central(&z->record, entry);
    z->central_len += z->record.len;
    z->entries++;
    free(entry);
    return result < 0 ? -1 : zstd_put(z->packer, z->record.data, z->record.len, false, z->e);
}

static int put_piece(struct zip *z, struct piece *p)
{
    if (!z->open && begin(z, p) < 0)
        return -1;
    struct zip_entry *entry = z->open;
    if (entry->streamed) {
        entry->crc = zip_crc_join(entry->crc, p->crc, p->len);
        entry->size += p->len;
        entry->packed += p->out_len;
    }
    if (p->out_len > 0 && writing_put(z->w, p->out, p->out_len, z->e) < 0)
        return -1;
    return p->last ? end(z) : 0;
}

static int put_oldest(struct zip *z)
{
    struct piece *p = ring_oldest(z->deflater);
    int result = put_piece(z, p);
    ring_drop(z->deflater);
    return result;
}

static struct piece *fresh(struct zip *z)
{
    struct piece *p;

    while (!(p = deflater_fresh(z->deflater)))
        if (put_oldest(z) < 0)
            return NULL;
    return p;
}

static void submit(struct zip *z, struct piece *p, struct zip_entry *entry, bool last)
{
    p->owner = entry;
    p->last = last;
    p->plain = entry->plain;
    ring_submit(z->deflater);
}

/* A link's data is its target; a folder has none. */
static int add_text(struct zip *z, struct zip_entry *entry, const char *text)
{
    struct piece *p = fresh(z);

    if (!p) {
        free(entry);
        return -1;
    }
    p->len = strlen(text);
    memcpy(p->in, text, p->len);
    entry->plain = true;
    submit(z, p, entry, true);
    return 0;
}

static int add_file(struct zip *z, struct zip_entry *entry, struct source *s)
{
    do {
        struct piece *p = fresh(z);
        if (!p) {
            if (s->left == s->st.st_size)
                free(entry); /* else a piece that is under way owns it */
            return -1;
        }
        p->len = source_read(s, p->in, DEFLATE_PIECE);
        submit(z, p, entry, s->left == 0);
    } while (s->left > 0);
    return 0;
}

static int add(struct zip *z, struct source *s)
{
    struct zip_entry *entry = zip_entry_new(s->name, &s->st);

    if (S_ISREG(s->st.st_mode))
        return add_file(z, entry, s);
    return add_text(z, entry, S_ISLNK(s->st.st_mode) ? s->link : "");
}

static int keep_packed(void *ctx, const void *data, size_t len, struct err *e)
{
    (void)e;
    strbuf_putn(ctx, data, len);
    return 0;
}

struct packed {
    const struct strbuf *bytes;
    size_t at;
};

static ssize_t give_packed(void *ctx, void *buf, size_t size)
{
    struct packed *packed = ctx;
    size_t left = packed->bytes->len - packed->at, n = left < size ? left : size;

    if (n > 0)
        memcpy(buf, packed->bytes->data + packed->at, n);
    packed->at += n;
    return (ssize_t)n;
}

static int put_directory(struct zip *z)
{
    uint64_t start = (uint64_t)z->w->totals.archive;
    struct packed packed = { &z->packed, 0 };
    const void *data;
    ssize_t n;

    if (zstd_put(z->packer, NULL, 0, true, z->e) < 0)
        return -1;
    struct unzstd *unpacker = unzstd_open(give_packed, &packed, 1);
    while ((n = unzstd_next(unpacker, &data, z->e)) > 0)
        if (writing_put(z->w, data, (size_t)n, z->e) < 0) {
            n = -1;
            break;
        }
    unzstd_close(unpacker);
    zip_put_end(&z->text, z->entries, start, z->central_len);
    return n < 0 ? -1 : put_text(z);
}

static int add_all(struct zip *z)
{
    const struct strvec *names = z->w->spec->names;
    struct source s;

    for (size_t i = 0; i < names->n; i++) {
        if (strcmp(names->items[i], ".") == 0 || !writing_open(z->w, i, &s))
            continue;
        int result = add(z, &s);
        source_close(&s, z->w->report);
        if (result < 0)
            return -1;
    }
    while (ring_oldest(z->deflater))
        if (put_oldest(z) < 0)
            return -1;
    return put_directory(z);
}

/* Entries of what did not come to its end, when the sink failed. All pieces of one are neighbours. */
static void drop_rest(struct zip *z)
{
    struct zip_entry *entry = take(&z->open);

    for (struct piece *p; (p = ring_oldest(z->deflater)); ring_drop(z->deflater))
        if (p->owner != entry) {
            free(entry);
            entry = p->owner;
        }
    free(entry);
}

int write_zip(struct writing *w, struct err *e)
{
    static const struct zstd_spec packing = { 1, 1, 0 };
    struct zip z = { .w = w, .record = STRBUF_TEXT, .packed = STRBUF_INIT((size_t)1 << 40), .text = STRBUF_TEXT, .e = e };

    z.deflater = deflater_open(&levels[w->spec->level], archive_threads());
    z.packer = zstd_open(&packing, keep_packed, &z.packed);
    int result = add_all(&z);
    if (result < 0)
        drop_rest(&z);
    ring_close(z.deflater);
    zstd_close(z.packer);
    strbuf_release(&z.packed);
    strbuf_release(&z.record);
    strbuf_release(&z.text);
    return result;
}
