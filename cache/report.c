#include "cache/report.h"

#include "base/file.h"
#include "base/strbuf.h"
#include "base/text.h"

#include <string.h>

enum {
    COLUMNS = 50,     /* that prefix and message fill */
    TEXT_MAX = 16384, /* of a message or a value: four of the longest paths */
};

struct style {
    const char *prefix, *colour;
};

static const struct style styles[] = {
    [LOG_ERROR] = { "ERROR: ", "\033[31;1m" },
    [LOG_WARNING] = { "WARNING: ", "\033[0;33m" },
    [LOG_INFO] = { "", "" },
    [LOG_DEBUG] = { "", "\033[37;1m" },
};
static const struct style fatal = { "FATAL: ", "\033[31;1m" };

bool report_wants_colour(int fd, char *const *env)
{
    if (!isatty(fd))
        return true;
    const char *term = env_get(env, "TERM");
    return term && strcmp(term, "dumb") != 0 && !env_get(env, "NO_COLOR");
}

/* Columns as gitlab-runner counts them: characters, whatever their width. `text` is valid UTF-8. */
static size_t columns(const char *text)
{
    size_t n = 0;
    for (; *text; text++)
        n += (*text & 0xc0) != 0x80;
    return n;
}

static int by_key(const void *a, const void *b)
{
    const char *one = *(char *const *)a, *other = *(char *const *)b;
    size_t one_len = strcspn(one, "="), other_len = strcspn(other, "=");
    int order = memcmp(one, other, one_len < other_len ? one_len : other_len);
    return order ? order : (one_len > other_len) - (one_len < other_len);
}

static void put_fields(struct strbuf *line, const struct strvec *fields, const char *colour, const char *reset)
{
    size_t n = fields->n;
    auto_free char **sorted = xcalloc(n + 1, sizeof(*sorted));
    if (n)
        memcpy(sorted, fields->items, n * sizeof(*sorted));
    qsort(sorted, n, sizeof(*sorted), by_key);
    for (size_t i = 0; i < n; i++) {
        const char *value = sorted[i] + strcspn(sorted[i], "=");
        strbuf_printf(line, " %s%.*s%s", colour, (int)(value - sorted[i]), sorted[i], reset);
        text_visible(line, value, TEXT_MAX);
    }
}

static PRINTF_LIKE(4, 0) void put_line(const struct report *r, const struct style *style, const struct strvec *fields,
                                       const char *fmt, va_list ap)
{
    auto_free char *text = xvasprintf(fmt, ap);
    auto_strbuf message = STRBUF_TEXT;
    strbuf_puts(&message, style->prefix);
    text_visible(&message, text, TEXT_MAX);
    size_t filled = columns(strbuf_text(&message));
    int padding = filled < COLUMNS ? (int)(COLUMNS - filled) : 0;

    const char *colour = r->colour ? style->colour : "", *reset = r->colour ? "\033[0;m" : "";
    auto_strbuf line = STRBUF_TEXT;
    strbuf_printf(&line, "%s%s%*s%s ", colour, strbuf_text(&message), padding, "", reset);
    if (fields)
        put_fields(&line, fields, colour, reset);
    strbuf_putc(&line, '\n');
    /* A log that cannot be written has nowhere left to say so. */
    (void)fd_write(r->fd, line.data, line.len, NULL);
}

void report_fields(const struct report *r, enum log_level level, const struct strvec *fields, const char *fmt, ...)
{
    if (level == LOG_DEBUG && !r->debug)
        return;
    va_list ap;
    va_start(ap, fmt);
    put_line(r, &styles[level], fields, fmt, ap);
    va_end(ap);
}

void report_line(const struct report *r, enum log_level level, const char *fmt, ...)
{
    if (level == LOG_DEBUG && !r->debug)
        return;
    va_list ap;
    va_start(ap, fmt);
    put_line(r, &styles[level], NULL, fmt, ap);
    va_end(ap);
}

void report_fatal(const struct report *r, const struct strvec *fields, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    put_line(r, &fatal, fields, fmt, ap);
    va_end(ap);
}
