/* One gzip member for each file, one after the other; libarchive cannot set the comment. */
#include "base/strbuf.h"
#include "cache/archive/writer.h"

#include <string.h>
#include <zlib.h>

enum { PIECE = 1 << 17 };

/* The format has Latin-1 there. What is not ASCII, and '%', is percent-encoded, with a mark. */
static char *comment_of(const char *path)
{
    auto_strbuf out = STRBUF_TEXT;
    bool plain = true;

    for (const char *c = path; *c; c++)
        plain = plain && (unsigned char)*c < 0x80 && *c != '%';
    if (plain)
        return xstrdup(path);
    strbuf_puts(&out, "e:");
    for (const char *c = path; *c; c++)
        if (strchr("-_.~/", *c) || (*c >= '0' && *c <= '9') || ((*c | 0x20) >= 'a' && (*c | 0x20) <= 'z'))
            strbuf_putc(&out, *c);
        else
            strbuf_printf(&out, "%%%02X", (unsigned char)*c);
    return strbuf_take(&out);
}

static int pump(struct writing *w, z_stream *z, unsigned char *out, int flush, struct err *e)
{
    do {
        z->next_out = out;
        z->avail_out = PIECE;
        (void)deflate(z, flush);
        if (z->avail_out < PIECE && writing_put(w, out, PIECE - z->avail_out, e) < 0)
            return -1;
    } while (z->avail_out == 0);
    return 0;
}

static int member(struct writing *w, struct source *s, const char *given, struct err *e)
{
    auto_free unsigned char *in = xmalloc(PIECE), *out = xmalloc(PIECE);
    auto_free char *comment = comment_of(given);
    const char *slash = strrchr(s->name, '/');
    auto_free char *name = xstrdup(slash ? slash + 1 : s->name);
    gz_header header = { .time = (uLong)s->st.st_mtim.tv_sec, .os = 255, .name = (Bytef *)name, .comment = (Bytef *)comment };
    z_stream z = { 0 };
    size_t n;
    int result = 0;

    if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        abort();
    (void)deflateSetHeader(&z, &header);
    while (result == 0 && (n = source_read(s, in, PIECE)) > 0) {
        z.next_in = in;
        z.avail_in = (unsigned)n;
        result = pump(w, &z, out, Z_NO_FLUSH, e);
    }
    if (result == 0)
        result = pump(w, &z, out, Z_FINISH, e);
    (void)deflateEnd(&z);
    return result;
}

int write_gzip(struct writing *w, struct err *e)
{
    const struct strvec *names = w->spec->names, *given = w->spec->given ? w->spec->given : names;
    struct source s;

    for (size_t i = 0; i < names->n; i++) {
        if (!writing_open(w, i, &s))
            continue;
        int result = S_ISREG(s.st.st_mode) ? member(w, &s, given->items[i], e)
                                           : err_set(e, ERR_JOB, 0, "the \"%s\" is not a regular file", s.name);
        source_close(&s, w->report);
        if (result < 0)
            return -1;
    }
    return 0;
}
