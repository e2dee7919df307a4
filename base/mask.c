#include "base/mask.h"

#include <string.h>

#define MASKED "[MASKED]"

void mask_add(struct mask *m, const char *secret)
{
    if (*secret && !strvec_has(&m->secrets, secret))
        strvec_push(&m->secrets, secret);
}

/* What stands at the beginning of `data`. */
struct match {
    size_t whole; /* length of the longest secret that is all there; 0: none */
    bool begun;   /* the end of `data` cuts off what may be a (longer) secret */
};

static struct match match_here(const struct mask *m, const char *data, size_t len)
{
    struct match found = { 0, false };

    for (size_t i = 0; i < m->secrets.n; i++) {
        const char *secret = m->secrets.items[i];
        size_t n = strlen(secret);
        if (*secret != *data || memcmp(secret, data, n < len ? n : len) != 0)
            continue;
        if (n > len)
            found.begun = true;
        else if (n > found.whole)
            found.whole = n;
    }
    return found;
}

/* Copy from `data`, masking. Returns how many bytes are dealt with; unless `last`,
 * it stops where a secret may have begun. */
static size_t mask_bytes(const struct mask *m, const char *data, size_t len, bool last, struct strbuf *out)
{
    size_t at = 0;

    while (at < len) {
        struct match found = match_here(m, data + at, len - at);
        if (found.begun && !last)
            break;
        if (found.whole > 0) {
            strbuf_puts(out, MASKED);
            at += found.whole;
        } else {
            strbuf_putc(out, data[at++]);
        }
    }
    return at;
}

void mask_feed(struct mask *m, const char *data, size_t len, struct strbuf *out)
{
    if (m->secrets.n == 0) {
        strbuf_putn(out, data, len);
        return;
    }
    strbuf_putn(&m->held, data, len);
    strbuf_drop(&m->held, mask_bytes(m, strbuf_text(&m->held), m->held.len, false, out));
}

void mask_flush(struct mask *m, struct strbuf *out)
{
    (void)mask_bytes(m, strbuf_text(&m->held), m->held.len, true, out);
    strbuf_clear(&m->held);
}

char *mask_text(const struct mask *m, const char *text)
{
    auto_strbuf out = STRBUF_TEXT;

    (void)mask_bytes(m, text, strlen(text), true, &out);
    return strbuf_take(&out);
}

void mask_release(struct mask *m)
{
    strvec_release(&m->secrets);
    strbuf_release(&m->held);
}
