#include "stages/shell_word.h"

#include <ctype.h>
#include <string.h>

static int hex(char c)
{
    return isdigit((unsigned char)c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int step_ansi(const char *s, size_t left, char *byte)
{
    static const char from[] = "abtnvfr'\\";
    static const char to[] = "\a\b\t\n\v\f\r'\\";

    if (left == 0 || *s == '\0')
        return -1;
    if (*s == '\'')
        return 0;
    *byte = *s;
    if (*s != '\\')
        return 1;
    if (left >= 4 && s[1] == 'x' && hex(s[2]) >= 0 && hex(s[3]) >= 0) {
        *byte = (char)(hex(s[2]) * 16 + hex(s[3]));
        return *byte ? 4 : -1;
    }
    const char *at = left >= 2 && s[1] ? strchr(from, s[1]) : NULL;
    if (!at)
        return -1;
    *byte = to[at - from];
    return 2;
}

static int step_double(const char *s, size_t left, char *byte)
{
    if (left == 0 || *s == '\0' || *s == '$' || *s == '`')
        return -1;
    if (*s == '"')
        return 0;
    *byte = *s;
    if (*s != '\\' || left < 2 || !s[1] || !strchr("\\\"$`", s[1]))
        return 1;
    *byte = s[1];
    return 2;
}

/* FF_POSIXLY_CORRECT_ESCAPES quotes less than it should: what a shell would take for more than itself ends the word
 * here, so that nobody takes the rest for something else. */
static int step_bare(const char *s, size_t left, char *byte)
{
    if (left == 0 || *s == '\0' || strchr(" \t\n\r;&|<>()$`\"'\\*?[#=!", *s))
        return 0;
    *byte = *s;
    return 1;
}

int shell_word_step(enum shell_quotes quotes, const char *text, size_t len, size_t at, char *byte)
{
    switch (quotes) {
    case WORD_ANSI:
        return step_ansi(text + at, len - at, byte);
    case WORD_DOUBLE:
        return step_double(text + at, len - at, byte);
    case WORD_BARE:
        return step_bare(text + at, len - at, byte);
    default:
        return 0;
    }
}

static const struct {
    const char *open;
    size_t close;
    enum shell_quotes quotes;
} openings[] = {
    { "''", 0, WORD_EMPTY },
    { "$'", 1, WORD_ANSI },
    { "\"", 1, WORD_DOUBLE },
    { "", 0, WORD_BARE },
};

int shell_word_read(const char *text, size_t len, size_t at, struct shell_word *out, struct strbuf *meaning)
{
    size_t i = 0;
    char byte;
    int n;

    while (len - at < strlen(openings[i].open) || memcmp(text + at, openings[i].open, strlen(openings[i].open)) != 0)
        i++;
    *out = (struct shell_word){ .quotes = openings[i].quotes, .inner = at + strlen(openings[i].open) };
    for (at = out->inner; (n = shell_word_step(out->quotes, text, len, at, &byte)) > 0; at += (size_t)n)
        if (meaning && strbuf_add(meaning, &byte, 1) < 0)
            return -1;
    out->inner_end = at;
    out->end = at + openings[i].close;
    return n < 0 || (out->quotes == WORD_BARE && at == out->inner) ? -1 : 0;
}
