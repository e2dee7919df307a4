#include "stages/pipeline/coverage.h"

#include <ctype.h>
#include <string.h>

/* What is longer is no line that says a coverage. */
#define LINE_MAX_BYTES ((size_t)4096)

void coverage_open(struct coverage *c, const char *pattern)
{
    unsigned flags = 0;
    auto_free char *expression = pattern ? re2_unwrap(pattern, &flags) : NULL;

    *c = (struct coverage){ .line = STRBUF_INIT(LINE_MAX_BYTES) };
    if (expression)
        c->pattern = re2_new(expression, flags, NULL);
}

/* The first number of what was found: "85", "85.25"; of "007", 7. */
static void take_number(struct coverage *c, const char *found)
{
    static const char digits[] = "0123456789";
    const char *from = strpbrk(found, digits);

    if (!from)
        return;
    while (from[0] == '0' && isdigit((unsigned char)from[1]))
        from++;
    size_t len = strspn(from, digits);
    if (from[len] == '.' && isdigit((unsigned char)from[len + 1]))
        len += 1 + strspn(from + len + 1, digits);
    if (len < sizeof(c->value))
        (void)snprintf(c->value, sizeof(c->value), "%.*s", (int)len, from);
}

/* Without the colours that it may have. */
static void end_line(struct coverage *c)
{
    auto_strbuf plain = STRBUF_TEXT;

    for (const char *at = strbuf_text(&c->line); *at; at++) {
        if (at[0] == '\x1b' && at[1] == '[') {
            at += 2 + strcspn(at + 2, "ABCDEFGHJKSTfmnsulh");
            if (!*at)
                break;
        } else if (*at != '\r') {
            strbuf_putc(&plain, *at);
        }
    }
    auto_free char *found = re2_find(c->pattern, strbuf_text(&plain));
    if (found)
        take_number(c, found);
    strbuf_clear(&c->line);
}

void coverage_feed(struct coverage *c, const char *data, size_t len)
{
    for (size_t i = 0; c->pattern && i < len; i++) {
        if (data[i] == '\n')
            end_line(c);
        else if (data[i])
            (void)!strbuf_add(&c->line, data + i, 1);
    }
}

void coverage_release(struct coverage *c)
{
    re2_free(c->pattern);
    strbuf_release(&c->line);
}
