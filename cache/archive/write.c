#include "cache/archive/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

int writing_put(struct writing *w, const void *data, size_t len, struct err *e)
{
    w->totals.archive += (int64_t)len;
    return w->sink(w->ctx, data, len, e);
}

int writing_open(struct writing *w, size_t i, struct source *s)
{
    if (!source_open(&w->at, w->spec->names->items[i], s, w->report)) {
        w->totals.left_out++;
        return 0;
    }
    w->totals.files += S_ISREG(s->st.st_mode);
    w->totals.folders += S_ISDIR(s->st.st_mode);
    w->totals.links += S_ISLNK(s->st.st_mode);
    w->totals.bytes += S_ISREG(s->st.st_mode) ? s->st.st_size : 0;
    return 1;
}

static int write_raw(struct writing *w, struct err *e)
{
    const struct strvec *names = w->spec->names;
    enum { PIECE = 1 << 18 };
    struct source s;

    if (names->n != 1)
        return err_set(e, ERR_JOB, 0, "only one file can be sent as raw");
    if (!writing_open(w, 0, &s))
        return err_set(e, ERR_JOB, 0, "the file '%s' cannot be sent as raw: it cannot be read", names->items[0]);
    if (!S_ISREG(s.st.st_mode)) {
        source_close(&s, w->report);
        return err_set(e, ERR_JOB, 0, "the \"%s\" is not a regular file", names->items[0]);
    }
    auto_free char *buf = xmalloc(PIECE);
    size_t n;
    int result = 0;
    while (result == 0 && (n = source_read(&s, buf, PIECE)) > 0)
        result = writing_put(w, buf, n, e);
    source_close(&s, w->report);
    return result;
}

static int (*const writers[])(struct writing *, struct err *) = {
    [FORMAT_ZIP] = write_zip,
    [FORMAT_TAR_ZSTD] = write_tar_zstd,
    [FORMAT_RAW] = write_raw,
    [FORMAT_GZIP] = write_gzip,
};

int archive_write(const struct archive_spec *spec, archive_sink_fn *sink, void *ctx, const struct report *report,
                  struct archive_totals *out, struct err *e)
{
    auto_close int root = open(spec->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct writing w = { spec, sink, ctx, report, BENEATH_INIT(root), { 0 } };

    if (root < 0)
        return err_set(e, ERR_SYSTEM, errno, "open '%s': %s", spec->root, strerror(errno));
    int result = writers[spec->format](&w, e);
    beneath_forget(&w.at);
    if (out)
        *out = w.totals;
    return result;
}
