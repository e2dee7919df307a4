#include "base/text.h"

#include <ctype.h>
#include <fnmatch.h>
#include <string.h>

bool text_starts(const char *s, const char *prefix)
{
    return !strncmp(s, prefix, strlen(prefix));
}

bool text_ends(const char *s, const char *suffix)
{
    size_t len = strlen(s), tail = strlen(suffix);
    return len >= tail && !strcmp(s + len - tail, suffix);
}

bool text_is_any(const char *s, const char *const *words)
{
    for (; *words; words++)
        if (!strcmp(s, *words))
            return true;
    return false;
}

/* How many bytes the UTF-8 character at `s` has; 0 when the bytes there are none
 * (cut short, overlong, a surrogate, the NUL at the end). */
static size_t utf8_len(const unsigned char *s)
{
    if (s[0] < 0x80)
        return s[0] != 0;
    size_t len = s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 0;
    for (size_t i = 1; i < len; i++)
        if ((s[i] & 0xc0) != 0x80) /* also stops at the NUL */
            return 0;
    if (len == 3 && ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f)))
        return 0;
    if (len == 4 && ((s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f)))
        return 0;
    return len;
}

/* The same for characters that a line can bear. */
static size_t printable_len(const unsigned char *s)
{
    bool is_control = s[0] < 0x20 || s[0] == 0x7f || (s[0] == 0xc2 && s[1] < 0xa0); /* C1: terminals take U+009B for ESC [ */

    return is_control ? 0 : utf8_len(s);
}

bool text_is_utf8(const char *s)
{
    for (size_t len; *s; s += len)
        if ((len = utf8_len((const unsigned char *)s)) == 0)
            return false;
    return true;
}

char *text_as_utf8(const char *s)
{
    auto_strbuf out = STRBUF_TEXT;

    while (*s) {
        size_t len = utf8_len((const unsigned char *)s);
        strbuf_putn(&out, len ? s : "\xef\xbf\xbd", len ? len : 3);
        s += len ? len : 1;
    }
    return strbuf_take(&out);
}

static void put_escaped(struct strbuf *out, unsigned char c)
{
    switch (c) {
    case '\n': strbuf_puts(out, "\\n"); break;
    case '\r': strbuf_puts(out, "\\r"); break;
    case '\t': strbuf_puts(out, "\\t"); break;
    default: strbuf_printf(out, "\\x%02x", c);
    }
}

void text_visible(struct strbuf *out, const char *s, size_t max)
{
    const unsigned char *p = (const unsigned char *)s;
    while (*p) {
        size_t len = printable_len(p);
        size_t step = len ? len : 1;
        if (step > max) {
            strbuf_puts(out, "...");
            return;
        }
        if (len)
            strbuf_putn(out, (const char *)p, len);
        else
            put_escaped(out, *p);
        p += step;
        max -= step;
    }
}

char *text_quote(const char *s)
{
    auto_strbuf out = STRBUF_TEXT;
    text_visible(&out, s, 400);
    return strbuf_take(&out);
}

enum { WORD_MAX = 64 }; /* longer ones are not what somebody mistyped */

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

static bool same_letter(char a, char b)
{
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* Damerau and Levenshtein's distance (optimal string alignment): how many letters
 * were left out, added, changed or swapped with the next. Three rows are enough. */
static unsigned distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    unsigned rows[3][WORD_MAX + 1];
    unsigned *before = rows[0], *last = rows[1], *row = rows[2];
    for (size_t j = 0; j <= b_len; j++)
        last[j] = (unsigned)j;
    memset(before, 0, sizeof(rows[0]));

    for (size_t i = 1; i <= a_len; i++) {
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_len; j++) {
            unsigned changed = last[j - 1] + !same_letter(a[i - 1], b[j - 1]);
            row[j] = least(changed, least(last[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && same_letter(a[i - 1], b[j - 2]) && same_letter(a[i - 2], b[j - 1]))
                row[j] = least(row[j], before[j - 2] + 1);
        }
        unsigned *oldest = before;
        before = last;
        last = row;
        row = oldest;
    }
    return last[b_len];
}

const char *text_nearest(const char *word, const char *const *words)
{
    size_t len = strlen(word);
    if (len > WORD_MAX)
        return NULL;
    unsigned limit = len / 3 > 1 ? (unsigned)(len / 3) : 1;
    const char *nearest = NULL;
    for (; *words; words++) {
        size_t other = strlen(*words);
        if (other > WORD_MAX || other > len + limit || len > other + limit)
            continue;
        unsigned far = distance(word, len, *words, other);
        if (far <= limit && far < other) { /* not a word that has nothing in common */
            nearest = *words;
            if (far == 0)
                break;
            limit = far - 1;
        }
    }
    return nearest;
}

const char *text_closing_brace(const char *open)
{
    int depth = 0;

    for (const char *c = open; *c; c++) {
        depth += (*c == '{') - (*c == '}');
        if (depth == 0)
            return c;
    }
    return NULL;
}

bool text_matches(const char *pattern, const char *text)
{
    return fnmatch(pattern, text, 0) == 0;
}
