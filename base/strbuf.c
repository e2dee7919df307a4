#include "base/strbuf.h"

#include <string.h>

static bool fits(const struct strbuf *b, size_t len)
{
    return len <= b->max - b->len;
}

/* Make room for `len` more bytes and the NUL. Growing by half keeps appending
 * linear without ever holding twice what is needed. */
static void grow(struct strbuf *b, size_t len)
{
    size_t need = b->len + len + 1;
    if (need <= b->size)
        return;
    size_t size = b->size + b->size / 2;
    if (size < need)
        size = need;
    if (size < 64)
        size = 64;
    b->data = xrealloc(b->data, size);
    b->size = size;
}

int strbuf_add(struct strbuf *b, const void *data, size_t len)
{
    if (!fits(b, len))
        return -1;
    grow(b, len);
    if (len) /* memcpy wants a real pointer even for nothing */
        memcpy(b->data + b->len, data, len);
    b->len += len;
    b->data[b->len] = '\0';
    return 0;
}

void strbuf_puts(struct strbuf *b, const char *s)
{
    strbuf_putn(b, s, strlen(s));
}

void strbuf_putc(struct strbuf *b, char c)
{
    strbuf_putn(b, &c, 1);
}

void strbuf_putn(struct strbuf *b, const char *s, size_t len)
{
    if (strbuf_add(b, s, len) < 0)
        abort();
}

void strbuf_printf(struct strbuf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    auto_free char *text = xvasprintf(fmt, ap);
    va_end(ap);
    strbuf_puts(b, text);
}

const char *strbuf_text(const struct strbuf *b)
{
    return b->data ? b->data : "";
}

char *strbuf_take(struct strbuf *b)
{
    char *data = b->data ? b->data : xstrdup("");
    b->data = NULL;
    b->len = b->size = 0;
    return data;
}

void strbuf_drop(struct strbuf *b, size_t n)
{
    if (n >= b->len) {
        strbuf_clear(b);
        return;
    }
    b->len -= n;
    memmove(b->data, b->data + n, b->len + 1);
}

void strbuf_clear(struct strbuf *b)
{
    b->len = 0;
    if (b->data)
        b->data[0] = '\0';
}

void strbuf_release(struct strbuf *b)
{
    free(b->data);
    b->data = NULL;
    b->len = b->size = 0;
}
