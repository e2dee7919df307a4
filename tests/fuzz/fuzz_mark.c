/* However a script's output is cut into pieces, the same is passed on and the same marks are seen; without
 * a mark every byte is passed on. The first byte says how it is cut; `@` stands for the mark. */
#include "executor/mark.h"

#include "base/strbuf.h"

#include <stdlib.h>
#include <string.h>

#define WORD "\1" "0123456789abcdef01234567"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int hear(void *ctx, const char *data, size_t len, struct err *e)
{
    (void)e;
    if (len == 0)
        abort();
    strbuf_putn(ctx, data, len);
    return 0;
}

static struct mark filter(const struct strbuf *in, size_t piece, struct strbuf *heard)
{
    struct mark m = { .text = WORD };

    for (size_t at = 0; at < in->len; at += piece)
        (void)mark_filter(&m, in->data + at, in->len - at < piece ? in->len - at : piece, hear, heard, NULL);
    (void)mark_finish(&m, hear, heard, NULL);
    return m;
}

static bool is_same(const struct strbuf *a, const struct strbuf *b)
{
    return a->len == b->len && memcmp(strbuf_text(a), strbuf_text(b), a->len) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    auto_strbuf in = STRBUF_TEXT, whole = STRBUF_TEXT, pieces = STRBUF_TEXT;

    for (size_t i = 1; i < size; i++)
        if (data[i] == '@')
            strbuf_puts(&in, WORD);
        else
            strbuf_putc(&in, (char)data[i]);
    struct mark a = filter(&in, in.len + 1, &whole);
    struct mark b = filter(&in, size ? (size_t)data[0] + 1 : 1, &pieces);
    if (!is_same(&whole, &pieces) || a.seen != b.seen || a.wants_folder != b.wants_folder || a.uid != b.uid ||
        a.gid != b.gid || a.seen > MARK_MOST || a.uid < 0 || a.gid < 0)
        abort();
    if (a.seen == 0 && !is_same(&whole, &in))
        abort();
    return 0;
}
