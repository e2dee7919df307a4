#include "stages/pipeline/report.h"

#include "base/file.h"
#include "base/text.h"

#include <stdarg.h>
#include <string.h>

#define INDENT "    "

static const char *const styles_on[] = {
    [STYLE_PLAIN] = "",           [STYLE_BOLD] = "\033[1m",       [STYLE_TITLE] = "\033[36;1m", [STYLE_GOOD] = "\033[32;1m",
    [STYLE_BAD] = "\033[31;1m", [STYLE_WARNING] = "\033[33;1m", [STYLE_DIM] = "\033[2m",
};
#define STYLE_OFF "\033[0m"

const char *report_style(enum report_style style)
{
    return styles_on[style];
}

/* A reader who went away (`| head`) does not stop the jobs. */
static void put(const struct report *r, const struct strbuf *b)
{
    if (b->len > 0)
        (void)fd_write(r->fd, b->data, b->len, NULL);
}

static void styled(const struct report *r, struct strbuf *b, enum report_style style, const char *text)
{
    bool on = r->colour && style != STYLE_PLAIN;

    strbuf_puts(b, on ? styles_on[style] : "");
    strbuf_puts(b, text);
    strbuf_puts(b, on ? STYLE_OFF "\n" : "\n");
}

void report_line(struct report *r, enum report_style style, const char *fmt, ...)
{
    auto_free char *text = NULL;
    auto_strbuf b = STRBUF_TEXT;
    va_list args;

    va_start(args, fmt);
    int len = vasprintf(&text, fmt, args);
    va_end(args);
    if (len < 0)
        abort();
    report_output_end(r);
    styled(r, &b, style, r->beside ? text + strspn(text, " ") : text);
    put(r, &b);
}

/* ---- A job's output ---- */

/* Escape sequences (ECMA-48): ESC [ … letter, ESC ] … BEL or ESC \, ESC letter. */
enum escape { NO_ESCAPE, AFTER_ESC, IN_CSI, IN_OSC };

/* Whether the byte belongs to an escape sequence. */
static bool in_escape(struct report *r, unsigned char c)
{
    enum escape state = (enum escape)r->escape;

    if (c == '\033') {
        r->escape = AFTER_ESC;
        return true;
    }
    if (c == '\n' || c == '\r') {
        r->escape = NO_ESCAPE; /* it was none, or it is broken: lines stay lines */
        return false;
    }
    if (state == AFTER_ESC && (c < ' ' || c > '/'))
        r->escape = c == '[' ? IN_CSI : c == ']' ? IN_OSC : NO_ESCAPE;
    else if (state == IN_CSI && c >= '@' && c <= '~')
        r->escape = NO_ESCAPE;
    else if (state == IN_OSC && c == '\a')
        r->escape = NO_ESCAPE;
    return state != NO_ESCAPE;
}

static void begin_line(struct report *r, struct strbuf *b)
{
    if (!r->in_line && !r->beside)
        strbuf_puts(b, INDENT);
    r->in_line = true;
}

static void end_line(struct report *r, struct strbuf *b)
{
    begin_line(r, b);
    strbuf_putc(b, '\n');
    r->in_line = false;
}

/* A carriage return alone goes back to overwrite the line (progress bars): on a
 * terminal the indentation is written again, in a file the text gets a new line. */
static void go_back(struct report *r, struct strbuf *b)
{
    if (r->colour && r->in_line && !r->beside)
        strbuf_puts(b, "\r" INDENT);
    else if (r->in_line)
        end_line(r, b);
}

/* ESC [ … m with nothing but numbers in it. */
static bool is_colour(const char *sequence, size_t len)
{
    return len > 2 && sequence[1] == '[' && sequence[len - 1] == 'm' && 2 + strspn(sequence + 2, "0123456789;:") == len - 1;
}

/* One that moves the cursor or clears lines would do so to other jobs' lines: only colours pass, when they are whole. */
static void escape_beside(struct report *r, struct strbuf *b, char c)
{
    if (c == '\033')
        r->n_sequence = 0;
    if (r->n_sequence < sizeof(r->sequence))
        r->sequence[r->n_sequence++] = c;
    if (r->escape != NO_ESCAPE || r->n_sequence == sizeof(r->sequence) || !is_colour(r->sequence, r->n_sequence))
        return;
    begin_line(r, b);
    strbuf_putn(b, r->sequence, r->n_sequence);
}

/* A byte of text, or of an escape sequence that passes. */
static void text_byte(struct report *r, struct strbuf *b, char c)
{
    if (r->after_cr && c != '\n' && c != '\r')
        go_back(r, b);
    r->after_cr = c == '\r';
    if (c == '\n') {
        end_line(r, b);
    } else if (c != '\r') {
        begin_line(r, b);
        strbuf_putc(b, c);
    }
}

static void output_byte(struct report *r, struct strbuf *b, char c)
{
    bool is_text = !in_escape(r, (unsigned char)c);

    if (is_text || (r->colour && !r->beside))
        text_byte(r, b, c);
    else if (r->colour)
        escape_beside(r, b, c);
}

void report_output(struct report *r, const char *data, size_t len)
{
    auto_strbuf b = STRBUF_TEXT;

    for (size_t i = 0; i < len; i++)
        output_byte(r, &b, data[i]);
    put(r, &b);
}

void report_output_end(struct report *r)
{
    auto_strbuf b = STRBUF_TEXT;

    if (r->in_line)
        strbuf_puts(&b, r->colour ? STYLE_OFF "\n" : "\n");
    r->in_line = false;
    r->after_cr = false;
    r->escape = NO_ESCAPE;
    put(r, &b);
}

/* ---- Jobs side by side ---- */

/* Longer lines than anybody reads are cut, for memory's sake. */
#define LINE_LIMIT ((size_t)64 << 10)

static void one_line(const struct report *r, const struct report_lines *l, struct strbuf *b)
{
    static const char *const colours[] = { "\033[36m", "\033[35m", "\033[34m", "\033[33m", "\033[32m", "\033[96m" };
    auto_free char *name = text_quote(l->name);
    const char *on = r->colour ? colours[l->number % ARRAY_SIZE(colours)] : "";
    bool coloured = r->colour && l->rest.len > 0 && memchr(l->rest.data, '\033', l->rest.len);

    strbuf_printf(b, "%s%s |%s%s", on, name, r->colour ? STYLE_OFF : "", l->rest.len > 0 ? " " : "");
    strbuf_putn(b, strbuf_text(&l->rest), l->rest.len);
    strbuf_puts(b, coloured ? STYLE_OFF "\n" : "\n");
}

void report_lines(struct report *r, struct report_lines *l, const char *data, size_t len)
{
    auto_strbuf b = STRBUF_TEXT;

    while (len > 0) {
        size_t room = LINE_LIMIT - l->rest.len;
        const char *end = memchr(data, '\n', len);
        size_t n = end ? (size_t)(end - data) : len;
        bool is_whole = end && n <= room;
        n = n < room ? n : room;
        strbuf_putn(&l->rest, data, n);
        if (is_whole || room == 0) {
            one_line(r, l, &b);
            strbuf_clear(&l->rest);
        }
        data += n + is_whole;
        len -= n + is_whole;
    }
    put(r, &b);
}

void report_lines_end(struct report *r, struct report_lines *l)
{
    if (l->rest.len > 0)
        report_lines(r, l, "\n", 1);
    strbuf_release(&l->rest);
}

/* ---- Tables ---- */

/* Characters, not bytes: job names are UTF-8. */
static size_t width(const char *text)
{
    size_t n = 0;

    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

static const char *cell(const char *const *cells, size_t row, size_t columns, size_t column)
{
    const char *text = cells[row * columns + column];
    return text ? text : "";
}

static size_t column_width(const char *const *cells, size_t rows, size_t columns, size_t column)
{
    size_t widest = 0;

    for (size_t i = 0; i < rows; i++) {
        size_t w = width(cell(cells, i, columns, column));
        widest = w > widest ? w : widest;
    }
    return widest;
}

void report_table(struct report *r, const char *const *cells, const enum report_style *styles, size_t rows,
                  size_t columns)
{
    auto_strbuf b = STRBUF_TEXT;
    auto_free size_t *widths = xcalloc(columns, sizeof(*widths));

    report_output_end(r);
    for (size_t k = 0; k < columns; k++)
        widths[k] = column_width(cells, rows, columns, k);
    for (size_t i = 0; i < rows; i++) {
        auto_strbuf row = STRBUF_TEXT;
        for (size_t k = 0; k < columns; k++) {
            const char *text = cell(cells, i, columns, k);
            strbuf_printf(&row, "%s%*s", text, (int)(widths[k] - width(text) + 2), "");
        }
        size_t len = row.len;
        while (len > 0 && row.data[len - 1] == ' ')
            len--;
        auto_free char *trimmed = xstrndup(strbuf_text(&row), len);
        styled(r, &b, styles[i], trimmed);
    }
    put(r, &b);
}
