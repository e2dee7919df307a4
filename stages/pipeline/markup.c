#include "stages/pipeline/markup.h"

#include <stdint.h>
#include <string.h>

#define NO_CHARACTER "\xef\xbf\xbd"

/* The bytes of the character at `s`, or 0 when there is none: overlong, a surrogate, too large, cut off. */
static size_t character(const unsigned char *s, size_t len)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    size_t n = s[0] < 0x80 ? 1 : s[0] >= 0xc2 && s[0] < 0xe0 ? 2 : (s[0] & 0xf0) == 0xe0 ? 3 : (s[0] & 0xf8) == 0xf0 ? 4 : 0;
    uint32_t code = n < 2 ? s[0] : s[0] & (0x7fu >> n);

    if (n == 0 || n > len)
        return 0;
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (s[i] & 0x3f);
    }
    if (n == 1)
        return code >= ' ' ? code != 0x7f : code == '\t' || code == '\n';
    return code < least[n] || (code >= 0x80 && code < 0xa0) || (code >= 0xd800 && code < 0xe000) || code == 0xfffe ||
                   code == 0xffff || code > 0x10ffff
               ? 0
               : n;
}

void markup_text(struct strbuf *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len;) {
        size_t n = character((const unsigned char *)text + i, len - i);
        switch (text[i]) {
        case '&': strbuf_puts(out, "&amp;"); break;
        case '<': strbuf_puts(out, "&lt;"); break;
        case '>': strbuf_puts(out, "&gt;"); break;
        case '"': strbuf_puts(out, "&quot;"); break;
        case '\'': strbuf_puts(out, "&#39;"); break;
        default:
            if (n > 0)
                strbuf_putn(out, text + i, n);
            else
                strbuf_puts(out, NO_CHARACTER);
            break;
        }
        i += n > 0 ? n : 1;
    }
}

void markup_word(struct strbuf *out, const char *text)
{
    markup_text(out, text, strlen(text));
}
