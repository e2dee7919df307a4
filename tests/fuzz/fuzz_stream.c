/* However a stream is cut into pieces, its sink hears the same. The first byte says how. */
#include "engine/stream.h"

#include "base/strbuf.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int hear(void *ctx, enum stream_kind kind, const char *data, size_t len, struct err *e)
{
    (void)e;
    if (len == 0)
        abort();
    for (size_t i = 0; i < len; i++) {
        strbuf_putc(ctx, (char)kind);
        strbuf_putc(ctx, data[i]);
    }
    return 0;
}

static int decode(const char *data, size_t len, size_t piece, struct strbuf *heard)
{
    struct stream_decoder s = STREAM_DECODER_INIT;
    for (size_t at = 0; at < len; at += piece) {
        size_t n = len - at < piece ? len - at : piece;
        if (stream_decode(&s, data + at, n, hear, heard, NULL) < 0)
            return -1;
    }
    return stream_finish(&s, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const char *bytes = (const char *)data + 1;
    auto_strbuf whole = STRBUF_TEXT, pieces = STRBUF_TEXT;
    int first = decode(bytes, size - 1, size, &whole);
    int second = decode(bytes, size - 1, (size_t)data[0] + 1, &pieces);
    if (first != second || whole.len != pieces.len ||
        memcmp(strbuf_text(&whole), strbuf_text(&pieces), whole.len) != 0)
        abort();
    return 0;
}
