#include "cache/select/shell_pattern.h"

#include <string.h>

/* Behind the class whose inside begins at `p`, or NULL when it has no end: then '[' is itself. */
static const char *class_end(const char *p)
{
    p += *p == '!' || *p == '^';
    p += *p == ']'; /* the first one is a member */
    for (; *p && *p != ']'; p++)
        if (*p == '\\' && !*++p)
            return NULL;
    return *p ? p + 1 : NULL;
}

static bool class_has(const char *p, const char *end, unsigned char c)
{
    bool negated = *p == '!' || *p == '^', has = false;
    p += negated;
    end--; /* its ']' */
    while (p < end) {
        p += *p == '\\';
        unsigned char first = (unsigned char)*p++, last = first;
        if (end - p > 1 && *p == '-') {
            p++;
            p += *p == '\\';
            last = (unsigned char)*p++;
        }
        has |= first <= c && c <= last;
    }
    return has != negated;
}

static bool is_continuation(unsigned char c)
{
    return (c & 0xc0) == 0x80;
}

/* Whether the one character at the pattern's front, no '*', takes `text`'s; both go behind it. */
static bool take_one(const char **pattern, const char **text, const char *end)
{
    const char *p = *pattern, *behind = *p == '[' ? class_end(p + 1) : NULL;
    unsigned char c = (unsigned char)*(*text)++;
    if (*p == '?') {
        while (*text < end && c >= 0x80 && is_continuation((unsigned char)**text))
            (*text)++;
        *pattern = p + 1;
        return true;
    }
    if (behind) {
        *pattern = behind;
        return class_has(p + 1, behind, c);
    }
    p += *p == '\\' && p[1];
    *pattern = p + 1;
    return (unsigned char)*p == c;
}

/* Only the last '*' ever takes more: the ones before have what they need. */
static bool fits(const char *pattern, const char *text, const char *end)
{
    const char *star = NULL, *from = NULL;
    while (text < end || *pattern) {
        const char *p = pattern, *t = text;
        if (*p == '*') {
            star = pattern = p + 1;
            from = text;
        } else if (*p && t < end && take_one(&p, &t, end)) {
            pattern = p;
            text = t;
        } else if (star && from < end) {
            pattern = star;
            text = ++from;
        } else {
            return false;
        }
    }
    return true;
}

static int check(const char *pattern, const char *text, struct err *e)
{
    if (strlen(text) > SHELL_TEXT_MAX || strlen(pattern) > SHELL_PATTERN_MAX)
        return err_set(e, ERR_JOB, 0, "a value or a pattern is too long");
    return 0;
}

static int put(struct strbuf *out, const char *text, size_t len, struct err *e)
{
    return strbuf_add(out, text, len) < 0 ? err_set(e, ERR_JOB, 0, "the value is too long") : 0;
}

int shell_trim_front(const char *pattern, const char *text, bool longest, struct strbuf *out, struct err *e)
{
    size_t len = strlen(text), off = 0;
    if (check(pattern, text, e) < 0)
        return -1;
    for (size_t i = 0; i <= len; i++) {
        size_t n = longest ? len - i : i;
        if (fits(pattern, text, text + n)) {
            off = n;
            break;
        }
    }
    return put(out, text + off, len - off, e);
}

int shell_trim_back(const char *pattern, const char *text, bool longest, struct strbuf *out, struct err *e)
{
    size_t len = strlen(text), keep = len;
    if (check(pattern, text, e) < 0)
        return -1;
    for (size_t i = 0; i <= len; i++) {
        size_t n = longest ? i : len - i;
        if (fits(pattern, text + n, text + len)) {
            keep = n;
            break;
        }
    }
    return put(out, text, keep, e);
}

/* How much from `text` on fits, at most; 0 when nothing does. */
static size_t longest_fit(const char *pattern, const char *text, const char *end, bool to_end)
{
    for (const char *t = end; t > text; t--) {
        if (fits(pattern, text, t))
            return (size_t)(t - text);
        if (to_end)
            break;
    }
    return 0;
}

int shell_replace(const char *pattern, const char *text, const char *by, char where, struct strbuf *out,
                  struct err *e)
{
    const char *end = text + strlen(text);
    if (check(pattern, text, e) < 0)
        return -1;
    for (const char *t = text; t < end;) {
        size_t n = longest_fit(pattern, t, end, where == '%');
        if (put(out, n ? by : t, n ? strlen(by) : 1, e) < 0)
            return -1;
        t += n ? n : 1;
        if ((n && where != '/') || where == '#')
            return put(out, t, (size_t)(end - t), e);
    }
    return 0;
}
