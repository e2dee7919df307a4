/* Whatever comes over a relay's stream, cut anywhere: the same frames are heard as of one piece, of known kinds, in
 * their order, none too long; or it is refused with words, at the same place. */
#include "stages/deploy/relay.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct heard {
    struct strbuf text;
    bool open;
};

static int note(void *ctx, enum relay_kind kind, const char *data, size_t len)
{
    struct heard *h = ctx;
    bool opens = kind == RELAY_OPEN;

    if (len > (kind == RELAY_DATA ? RELAY_DATA_MAX : 0) || h->open == opens || !memchr("(=)", kind, 3))
        abort();
    if (kind != RELAY_DATA)
        h->open = opens;
    strbuf_putc(&h->text, (char)kind);
    strbuf_putn(&h->text, data, len);
    return 0;
}

static int hear(const char *data, size_t size, size_t piece, struct strbuf *out)
{
    struct relay_reader r = RELAY_READER_INIT;
    struct heard h = { STRBUF_INIT((size_t)256 << 20), false };
    const char *why = NULL;
    int rc = 0;

    for (size_t at = 0; at < size && rc == 0; at += piece) {
        size_t n = size - at < piece ? size - at : piece;
        /* A copy of exactly that size: a byte beyond it is seen. */
        auto_free char *input = xmalloc(n);
        memcpy(input, data + at, n);
        rc = relay_read(&r, input, n, note, &h, &why);
    }
    if (rc < 0 && (!why || !*why))
        abort();
    relay_reader_release(&r);
    *out = h.text;
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct strbuf whole, cut;
    const char *text = (const char *)data;
    size_t piece = size ? 1 + data[0] % 7 : 1;

    if (hear(text, size, size + 1, &whole) != hear(text, size, piece, &cut))
        abort();
    if (whole.len != cut.len || memcmp(strbuf_text(&whole), strbuf_text(&cut), cut.len) != 0)
        abort();
    strbuf_release(&whole);
    strbuf_release(&cut);
    return 0;
}
