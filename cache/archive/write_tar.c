/* tar in pax form by libarchive, compressed by zstd. */
#include "cache/archive/hardlink.h"
#include "cache/archive/writer.h"
#include "cache/archive/zstd.h"

#include <archive.h>
#include <archive_entry.h>
#include <locale.h>
#include <string.h>

enum { PIECE = 1 << 18 };

/* Memory decides about threads: each holds two frames, as they come and compressed, and its level's tables, and 64 MB is
 * what all of it may take. A frame of four windows (512 KiB at level 1) is hardly larger by itself
 * than within one stream; at the slowest level it would be by 8 %, and who asks for that wants it small. */
static const struct zstd_spec levels[] = {
    [LEVEL_FASTEST] = { 1, 4, 1 << 21 }, [LEVEL_FAST] = { 1, 4, 1 << 21 },    [LEVEL_DEFAULT] = { 1, 4, 1 << 21 },
    [LEVEL_SLOW] = { 5, 2, 1 << 22 },    [LEVEL_SLOWEST] = { 10, 1, 0 },
};

struct tar {
    struct writing *w;
    struct archive *a;
    struct archive_entry *entry;
    struct zstd *zstd;
    struct hardlinks links;
    char *buf;
    struct err *e;
    bool failed; /* zstd or the sink did, and said why in e */
};

static int sink(void *ctx, const void *data, size_t len, struct err *e)
{
    return writing_put(ctx, data, len, e);
}

/* libarchive is not told of a failure: it would not free everything then. */
static la_ssize_t put(struct archive *a, void *ctx, const void *data, size_t len)
{
    struct tar *t = ctx;

    (void)a;
    t->failed = t->failed || zstd_put(t->zstd, data, len, false, t->e) < 0;
    return (la_ssize_t)len;
}

static int fail(struct tar *t, const char *name)
{
    return t->failed ? -1 : err_set(t->e, ERR_SYSTEM, 0, "archive '%s': %s", name, archive_error_string(t->a));
}

static void add_holes(struct archive_entry *entry, const struct source *s)
{
    off_t end = 0, data;

    while ((data = lseek(s->fd, end, SEEK_DATA)) >= 0 && (end = lseek(s->fd, data, SEEK_HOLE)) > data)
        archive_entry_sparse_add_entry(entry, data, end - data);
    if (archive_entry_sparse_count(entry) == 0) /* nothing but a hole */
        archive_entry_sparse_add_entry(entry, s->st.st_size, 0);
}

static void describe(struct tar *t, const struct source *s)
{
    struct archive_entry *entry = archive_entry_clear(t->entry);

    archive_entry_set_pathname(entry, s->name);
    archive_entry_set_mode(entry, s->st.st_mode);
    archive_entry_set_mtime(entry, s->st.st_mtim.tv_sec, s->st.st_mtim.tv_nsec);
    archive_entry_set_uid(entry, s->st.st_uid);
    archive_entry_set_gid(entry, s->st.st_gid);
    archive_entry_set_size(entry, S_ISREG(s->st.st_mode) ? s->st.st_size : 0);
    if (S_ISLNK(s->st.st_mode))
        archive_entry_set_symlink(entry, s->link);
    if (s->sparse)
        add_holes(entry, s);
    const char *first = S_ISREG(s->st.st_mode) ? hardlinks_first(&t->links, &s->st, s->name) : NULL;
    if (first)
        archive_entry_xattr_add_entry(entry, HARDLINK_MARK, first, strlen(first));
}

static int add(struct tar *t, struct source *s)
{
    size_t n;

    describe(t, s);
    if (archive_write_header(t->a, t->entry) < ARCHIVE_WARN)
        return fail(t, s->name);
    while (!t->failed && (n = source_read(s, t->buf, PIECE)) > 0)
        for (size_t done = 0; done < n;) {
            la_ssize_t put_now = archive_write_data(t->a, t->buf + done, n - done);
            if (put_now <= 0)
                return fail(t, s->name);
            done += (size_t)put_now;
        }
    return t->failed ? -1 : 0;
}

static int add_all(struct tar *t)
{
    const struct strvec *names = t->w->spec->names;
    struct source s;

    for (size_t i = 0; i < names->n; i++) {
        if (!writing_open(t->w, i, &s))
            continue;
        int result = add(t, &s);
        source_close(&s, t->w->report);
        if (result < 0)
            return -1;
    }
    if (archive_write_close(t->a) < ARCHIVE_WARN || t->failed)
        return fail(t, "");
    return zstd_put(t->zstd, NULL, 0, true, t->e);
}

static int open_tar(struct tar *t, enum archive_level level)
{
    struct zstd_spec spec = levels[level];

    if (archive_write_set_format_pax(t->a) != ARCHIVE_OK)
        return fail(t, "");
    if (spec.threads > archive_threads())
        spec.threads = archive_threads();
    t->zstd = zstd_open(&spec, sink, t->w);
    (void)archive_write_set_bytes_per_block(t->a, 0); /* a pipe's pieces as they come, not a tape's */
    return archive_write_open2(t->a, t, NULL, put, NULL, NULL) != ARCHIVE_OK ? fail(t, "") : 0;
}

int write_tar_zstd(struct writing *w, struct err *e)
{
    auto_free char *buf = xmalloc(PIECE);
    struct tar t = { .w = w, .a = archive_write_new(), .entry = archive_entry_new(), .buf = buf, .e = e };
    /* libarchive takes names for the thread's character set, and they are UTF-8 whatever the environment says. */
    locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", NULL), before = uselocale(utf8 ? utf8 : LC_GLOBAL_LOCALE);

    int result = open_tar(&t, w->spec->level) < 0 || add_all(&t) < 0 ? -1 : 0;
    t.failed = result < 0; /* freeing it writes the rest of the entry */
    archive_entry_free(t.entry);
    (void)archive_write_free(t.a);
    zstd_close(t.zstd);
    hardlinks_release(&t.links);
    (void)uselocale(before);
    if (utf8)
        freelocale(utf8);
    return result;
}
