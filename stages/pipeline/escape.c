#include "stages/pipeline/escape.h"

#include <string.h>

static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_,-./@";

/* What follows the backslash for characters that have a short form. */
static const char short_form[128] = {
    ['\a'] = 'a', ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n',   ['\v'] = 'v',
    ['\f'] = 'f', ['\r'] = 'r', ['\''] = '\'', ['\\'] = '\\',
};

static void escape_byte(struct strbuf *out, unsigned char c)
{
    if (c < 128 && short_form[c]) {
        strbuf_putc(out, '\\');
        strbuf_putc(out, short_form[c]);
    } else if (c >= ' ' && c < 0x7f) {
        strbuf_putc(out, (char)c);
    } else {
        strbuf_printf(out, "\\x%02x", c);
    }
}

void shell_escape(struct strbuf *out, const char *text)
{
    if (!*text) {
        strbuf_puts(out, "''");
        return;
    }
    if (text[strspn(text, plain)] == '\0') {
        strbuf_puts(out, text);
        return;
    }
    strbuf_puts(out, "$'");
    for (; *text; text++)
        escape_byte(out, (unsigned char)*text);
    strbuf_putc(out, '\'');
}
