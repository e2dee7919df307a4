#include "cache/helper/add_mask.h"

#include <string.h>

#define COMMAND     "::add-mask::"
#define COMMAND_LEN (sizeof(COMMAND) - 1)
#define LINE_LIMIT  65536 /* what is longer is no such line */

static void end_begun(struct add_mask *a, struct strbuf *out)
{
    if (a->begun.len > 0)
        mask_feed(&a->mask, a->begun.data, a->begun.len, out);
    strbuf_clear(&a->begun);
}

/* The line, complete or the stream's last, says a secret. */
static void learn(const struct add_mask *a)
{
    const char *value = a->begun.data + COMMAND_LEN;
    auto_free char *secret = xstrndup(value, strcspn(value, "\r\n"));

    if (*secret)
        a->on_value(a->ctx, secret);
}

static bool may_be_command(const struct strbuf *line)
{
    return line->len <= LINE_LIMIT &&
           memcmp(strbuf_text(line), COMMAND, line->len < COMMAND_LEN ? line->len : COMMAND_LEN) == 0;
}

/* A piece of one line, perhaps with its end. */
static void feed_line(struct add_mask *a, const char *data, size_t len, struct strbuf *out)
{
    bool ends = data[len - 1] == '\n';

    if (a->in_line) {
        mask_feed(&a->mask, data, len, out);
        a->in_line = !ends;
        return;
    }
    strbuf_putn(&a->begun, data, len);
    if (!may_be_command(&a->begun)) {
        end_begun(a, out);
        a->in_line = !ends;
    } else if (ends) {
        learn(a);
        end_begun(a, out);
    }
}

void add_mask_feed(struct add_mask *a, const char *data, size_t len, struct strbuf *out)
{
    while (len > 0) {
        const char *newline = memchr(data, '\n', len);
        size_t n = newline ? (size_t)(newline - data) + 1 : len;
        feed_line(a, data, n, out);
        data += n;
        len -= n;
    }
}

void add_mask_flush(struct add_mask *a, struct strbuf *out)
{
    if (a->begun.len >= COMMAND_LEN)
        learn(a);
    end_begun(a, out);
    mask_flush(&a->mask, out);
}

void add_mask_release(struct add_mask *a)
{
    mask_release(&a->mask);
    strbuf_release(&a->begun);
}
