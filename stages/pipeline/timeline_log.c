#include "stages/pipeline/timeline_log.h"

#include "stages/pipeline/markup.h"

#include <stdbool.h>
#include <string.h>

#define PARAMETERS 16
#define NO_COLOUR  (-1)

/* How text looks: SGR of ECMA-48, as far as classes go. */
struct look {
    int front, back; /* 0 to 15 */
    bool bold, dim, italic, underlined;
};

static const struct look plain = { .front = NO_COLOUR, .back = NO_COLOUR };

struct writing {
    struct strbuf *out;
    struct look look;
    size_t line; /* where the current line begins in `out` */
};

static bool is_plain(const struct look *l)
{
    return l->front == NO_COLOUR && l->back == NO_COLOUR && !l->bold && !l->dim && !l->italic && !l->underlined;
}

/* A piece without escape sequences or line ends; no span reaches over a line's end. */
static void put(struct writing *w, const char *text, size_t len)
{
    const struct look *l = &w->look;

    if (len == 0)
        return;
    if (is_plain(l)) {
        markup_text(w->out, text, len);
        return;
    }
    strbuf_puts(w->out, "<span class=\"");
    if (l->front != NO_COLOUR)
        strbuf_printf(w->out, " f%d", l->front);
    if (l->back != NO_COLOUR)
        strbuf_printf(w->out, " g%d", l->back);
    strbuf_printf(w->out, "%s%s%s%s\">", l->bold ? " b" : "", l->dim ? " d" : "", l->italic ? " i" : "", l->underlined ? " u" : "");
    markup_text(w->out, text, len);
    strbuf_puts(w->out, "</span>");
}

/* Of the 256 colours the first 16; the others have no class. Returns how many parameters that took. */
static size_t indexed(const int *p, size_t n, int *colour)
{
    if (n >= 3 && p[1] == 5) {
        *colour = p[2] < 16 ? p[2] : NO_COLOUR;
        return 3;
    }
    *colour = NO_COLOUR;
    return n >= 5 && p[1] == 2 ? 5 : n;
}

static void apply(struct look *l, int code)
{
    if (code == 0)
        *l = plain;
    else if (code >= 30 && code <= 37)
        l->front = code - 30;
    else if (code >= 40 && code <= 47)
        l->back = code - 40;
    else if (code >= 90 && code <= 97)
        l->front = code - 90 + 8;
    else if (code >= 100 && code <= 107)
        l->back = code - 100 + 8;
    else if (code == 39)
        l->front = NO_COLOUR;
    else if (code == 49)
        l->back = NO_COLOUR;
    else if (code == 22)
        l->bold = l->dim = false;
    else {
        bool on = code < 10;
        int what = on ? code : code - 20;
        if (what == 1 || what == 2)
            *(what == 1 ? &l->bold : &l->dim) = on;
        else if (what == 3 || what == 4)
            *(what == 3 ? &l->italic : &l->underlined) = on;
    }
}

static void apply_all(struct look *l, const int *p, size_t n)
{
    for (size_t i = 0; i < n;) {
        if (p[i] == 38 || p[i] == 48) {
            i += indexed(p + i, n - i, p[i] == 38 ? &l->front : &l->back);
        } else {
            apply(l, p[i]);
            i++;
        }
    }
}

/* "ESC [ 1 ; 31 m", from behind the bracket on. Returns where it ends. */
static size_t control(struct writing *w, const char *text, size_t len)
{
    int p[PARAMETERS] = { 0 };
    size_t n = 1, i = 0;

    for (; i < len && (unsigned char)text[i] >= ' ' && (unsigned char)text[i] < '@'; i++) {
        if (text[i] >= '0' && text[i] <= '9' && p[n - 1] < 1000)
            p[n - 1] = p[n - 1] * 10 + (text[i] - '0');
        else if (text[i] == ';' && n < PARAMETERS)
            n++;
    }
    if (i < len && text[i] == 'm')
        apply_all(&w->look, p, n);
    return i < len && text[i] != '\n' && text[i] != '\033' ? i + 1 : i;
}

/* An escape sequence, from behind its ESC on. Those of text, such as a window's title, end with BEL or ESC \. */
static size_t escape(struct writing *w, const char *text, size_t len)
{
    if (len == 0)
        return 0;
    if (text[0] == '[')
        return 1 + control(w, text + 1, len - 1);
    if (text[0] == ']') {
        size_t i = 1;
        while (i < len && text[i] != '\a' && text[i] != '\n' && text[i] != '\033')
            i++;
        return i < len && text[i] == '\a' ? i + 1 : i;
    }
    return text[0] == '\n' || text[0] == '\033' ? 0 : 1;
}

/* Back to the line's start: what comes now stands in place of it, unless the line ends here. */
static void go_back(struct writing *w, char next)
{
    if (next == '\n' || next == '\r' || next == '\0')
        return;
    w->out->len = w->line;
    if (w->out->data)
        w->out->data[w->line] = '\0';
}

void timeline_log(struct strbuf *out, const char *text, size_t len)
{
    struct writing w = { out, plain, out->len };

    for (size_t i = 0; i < len;) {
        size_t n = 0;
        while (i + n < len && !memchr("\n\r\033", text[i + n], 3))
            n++;
        put(&w, text + i, n);
        i += n;
        if (i == len)
            break;
        char c = text[i++];
        if (c == '\033') {
            i += escape(&w, text + i, len - i);
        } else if (c == '\r') {
            go_back(&w, i < len ? text[i] : '\0');
        } else {
            strbuf_putc(out, '\n');
            w.line = out->len;
        }
    }
}
