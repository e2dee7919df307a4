#include "stages/pipeline/re2_posix.h"

#include "base/number.h"
#include "base/strbuf.h"
#include "base/text.h"
#include "stages/pipeline/re2.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

/* As RE2 has it. */
#define REPEAT_MAX 1000
/* Characters, with each repetition written out as often as its count says: glibc does just that, and ((a+)+)+ or
 * (a{99}){99} would take gigabytes. */
#define GROWN_MAX 5000
#define DEPTH_MAX 200
#define BYTES      256

struct translation {
    const char *at; /* what is not read yet */
    struct strbuf out;
    unsigned flags;
    int64_t grown[DEPTH_MAX + 1]; /* characters so far in each group that is open; the first: in none */
    size_t depth;
    int64_t last;    /* those of what could be repeated here; 0: nothing can */
    size_t groups;   /* so far; POSIX counts those as well that capture nothing in RE2 */
    size_t captures; /* the first that does; 0: none */
    struct err *e;
};

static int cannot(struct translation *t, const char *what, size_t len)
{
    return err_set(t->e, ERR_JOB, 0, "`%.*s` is not supported in it", (int)len, what);
}

/* What RE2 could. */
static int only_re2_can(struct translation *t, const char *what, size_t len)
{
    return err_set(t->e, ERR_JOB, ENOTSUP, "`%.*s` is not supported in it", (int)len, what);
}

/* \n, \x41, \012, \pL, \Q…\E. */
static bool is_escape_of_re2(const char *at)
{
    static const char octal[] = "01234567";
    bool is_octal = at[1] == '0' || (at[1] && strchr(octal, at[1]) && at[2] && strchr(octal, at[2]));

    return is_octal || (at[1] && strchr("afnrtvxpPQEC", at[1]));
}

static int cannot_escape(struct translation *t, const char *at, size_t len)
{
    return *at == '\\' && is_escape_of_re2(at) ? only_re2_can(t, at, len) : cannot(t, at, len);
}

/* (?i:…), (?i), (?P<name>…) and, in newer ones, (?<name>…). */
static bool is_group_of_re2(const char *at)
{
    const char *name = at + (text_starts(at, "(?P<") ? 4 : 3);
    const char *end = at + 2 + strspn(at + 2, RE2_LETTERS "-");

    return name[-1] == '<' ? isalpha((unsigned char)*name) || *name == '_' : *end == ':' || *end == ')';
}

static int cannot_group(struct translation *t)
{
    size_t len = strnlen(t->at, 3);

    return is_group_of_re2(t->at) ? only_re2_can(t, t->at, len) : cannot(t, t->at, len);
}

/* ---- How large it grows ---- */

static void add_part(struct translation *t, int64_t size)
{
    t->grown[t->depth] += size;
    t->last = size;
}

static int check_size(const struct translation *t)
{
    if (t->grown[t->depth] <= GROWN_MAX)
        return 0;
    return err_set(t->e, ERR_JOB, ENOTSUP, "it is too large with all that its counts and plus signs repeat");
}

/* What was before is there `times` times. A repetition of a repetition is none of RE2's. */
static int repeat(struct translation *t, const char *operator, size_t len, int64_t times)
{
    if (t->last == 0)
        return err_set(t->e, ERR_JOB, 0, "there is nothing that `%.*s` could repeat", (int)len, operator);
    t->grown[t->depth] += t->last * (times > 1 ? times - 1 : 0);
    t->last = 0;
    return check_size(t);
}

static int open_group(struct translation *t)
{
    if (t->depth == DEPTH_MAX)
        return err_set(t->e, ERR_JOB, ENOTSUP, "its groups are nested more than %d deep", DEPTH_MAX);
    t->grown[++t->depth] = 0;
    t->last = 0;
    return 0;
}

static int close_group(struct translation *t)
{
    if (t->depth == 0)
        return err_set(t->e, ERR_JOB, 0, "it has a `)` without a `(`");
    int64_t inner = t->grown[t->depth--];
    add_part(t, inner + 1);
    return check_size(t);
}

/* ---- Its parts ---- */

static bool is_word(int c)
{
    return isalnum(c) || c == '_';
}

/* \d, \w and \s; their capitals mean what these do not. */
static bool in_shorthand(char letter, int c)
{
    static const char spaces[] = "\t\n\f\r ";

    switch (tolower((unsigned char)letter)) {
    case 'd':
        return isdigit(c);
    case 'w':
        return is_word(c);
    default:
        return c && strchr(spaces, c);
    }
}

static bool is_shorthand(char c)
{
    return c && strchr("dDwWsS", c);
}

static void add_shorthand(char letter, bool set[BYTES])
{
    for (int c = 1; c < BYTES; c++)
        set[c] |= in_shorthand(letter, c) != (isupper((unsigned char)letter) != 0);
}

/* POSIX reads ] - ^ [ \ by their place between the brackets: each is put where it means itself. */
static void put_set(struct strbuf *out, const bool set[BYTES], bool negated)
{
    static const char by_place[] = "]-^[";
    size_t n = 0;

    for (int c = 1; c < BYTES; c++)
        n += set[c];
    if (n == 1 && set['^'] && !negated) {
        strbuf_puts(out, "\\^");
        return;
    }
    strbuf_puts(out, negated ? "[^" : "[");
    if (set[']'])
        strbuf_putc(out, ']');
    for (int c = 1; c < BYTES; c++)
        if (set[c] && !strchr(by_place, c))
            strbuf_putc(out, (char)c);
    if (set['['])
        strbuf_putc(out, '[');
    bool first = n == (size_t)set['^'] + set['-'];
    strbuf_puts(out, set['^'] && !first ? "^" : "");
    strbuf_puts(out, set['-'] ? "-" : "");
    strbuf_puts(out, set['^'] && first ? "^" : "");
    strbuf_putc(out, ']');
}

/* "[:alpha:]" in a class. 0 when there is none at this place. */
static size_t add_named(const char *at, bool set[BYTES])
{
    static const struct {
        const char *name;
        int (*has)(int);
    } names[] = {
        { "[:alpha:]", isalpha }, { "[:digit:]", isdigit }, { "[:alnum:]", isalnum }, { "[:upper:]", isupper },
        { "[:lower:]", islower }, { "[:space:]", isspace }, { "[:punct:]", ispunct }, { "[:xdigit:]", isxdigit },
    };

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (!text_starts(at, names[i].name))
            continue;
        for (int c = 1; c < BYTES; c++)
            set[c] |= names[i].has(c) != 0;
        return strlen(names[i].name);
    }
    return 0;
}

/* One character of a class, maybe behind a backslash. -1 when it is something else. */
static int class_character(const char **at)
{
    const char *c = *at;

    if (*c == '\\') {
        c++;
        if (!ispunct((unsigned char)*c))
            return -1;
    }
    *at = c + 1;
    return (unsigned char)*c;
}

/* A character, a range, \d or [:alpha:]. */
static int class_item(struct translation *t, bool set[BYTES])
{
    size_t named = add_named(t->at, set);

    if (named > 0) {
        t->at += named;
        return 0;
    }
    if (*t->at == '\\' && is_shorthand(t->at[1])) {
        add_shorthand(t->at[1], set);
        t->at += 2;
        return 0;
    }
    const char *began = t->at;
    int from = class_character(&t->at);
    int to = from;
    if (from > 0 && *t->at == '-' && t->at[1] && t->at[1] != ']') {
        t->at++;
        to = class_character(&t->at);
    }
    if (from < 0 || to < 0)
        return cannot_escape(t, t->at, strcspn(t->at, "]"));
    if (from == 0 || to < from)
        return cannot(t, began, strcspn(began, "]"));
    for (int c = from; c <= to; c++)
        set[c] = true;
    return 0;
}

static int translate_class(struct translation *t)
{
    const char *began = t->at++;
    bool set[BYTES] = { false };
    bool negated = *t->at == '^';

    t->at += negated;
    for (bool first = true; first || *t->at != ']'; first = false) {
        if (!*t->at)
            return cannot(t, began, strlen(began));
        if (class_item(t, set) < 0)
            return -1;
    }
    t->at++;
    put_set(&t->out, set, negated);
    return 0;
}

static int translate_escape(struct translation *t)
{
    static const char *const same[][2] = { { "A", "^" }, { "z", "$" }, { "b", "\\b" }, { "B", "\\B" } };
    char c = t->at[1];

    if (is_shorthand(c)) {
        bool set[BYTES] = { false };
        add_shorthand((char)tolower((unsigned char)c), set);
        put_set(&t->out, set, isupper((unsigned char)c) != 0);
    } else if (ispunct((unsigned char)c)) {
        /* Others, \< for one, are GNU's own words. */
        strbuf_printf(&t->out, "%s%c", strchr(".[]{}()*+?^$|\\", c) ? "\\" : "", c);
    } else {
        size_t i = 0;
        while (i < ARRAY_SIZE(same) && *same[i][0] != c)
            i++;
        if (i == ARRAY_SIZE(same))
            return cannot_escape(t, t->at, strnlen(t->at, 2));
        strbuf_puts(&t->out, same[i][1]);
    }
    t->at += 2;
    return 0;
}

/* a*? and its like: as few as possible, which makes no difference. */
static void skip_lazy(struct translation *t)
{
    if (*t->at == '?')
        t->at++;
}

/* {3}, {3,} or {3,5}. What is none of them means itself. */
static int translate_count(struct translation *t)
{
    static const char digits[] = "0123456789";
    const char *low = t->at + 1;
    const char *comma = low + strspn(low, digits);
    const char *high = comma + (*comma == ',');
    const char *end = high + strspn(high, digits);
    int64_t count;

    if (comma == low || *end != '}') {
        strbuf_puts(&t->out, "\\{");
        t->at++;
        add_part(t, 1);
        return 0;
    }
    auto_free char *text = end > high ? xstrndup(high, (size_t)(end - high)) : xstrndup(low, (size_t)(comma - low));
    if (number_parse(text, 0, REPEAT_MAX, &count) < 0)
        return cannot(t, t->at, (size_t)(end + 1 - t->at));
    if (repeat(t, t->at, (size_t)(end + 1 - t->at), count + (end == high)) < 0)
        return -1;
    strbuf_putn(&t->out, t->at, (size_t)(end + 1 - t->at));
    t->at = end + 1;
    skip_lazy(t);
    return 0;
}

/* Any character; a line's end is one only with `s`. By REG_NEWLINE, which `m` needs, POSIX's dot is none. */
static void put_dot(struct translation *t)
{
    bool all = t->flags & RE2_DOT_ALL;

    t->groups += all && (t->flags & RE2_LINES);
    if (t->flags & RE2_LINES)
        strbuf_puts(&t->out, all ? "(.|\n)" : ".");
    else
        strbuf_puts(&t->out, all ? "." : "[^\n]");
}

static int translate_one(struct translation *t)
{
    switch (*t->at) {
    case '\\':
        add_part(t, 1);
        return translate_escape(t);
    case '[':
        add_part(t, 1);
        return translate_class(t);
    case '{':
        return translate_count(t);
    case '(':
        if (t->at[1] == '?' && t->at[2] != ':')
            return cannot_group(t);
        if (open_group(t) < 0)
            return -1;
        t->groups++;
        if (t->at[1] != '?' && t->captures == 0)
            t->captures = t->groups;
        strbuf_putc(&t->out, '(');
        t->at += t->at[1] == '?' ? 3 : 1;
        return 0;
    case ')':
        if (close_group(t) < 0)
            return -1;
        break;
    case '|':
        t->last = 0;
        break;
    case '.':
        t->at++;
        add_part(t, 1);
        put_dot(t);
        return 0;
    case '*':
    case '+':
    case '?':
        if (repeat(t, t->at, 1, *t->at == '+' ? 2 : 1) < 0)
            return -1;
        strbuf_putc(&t->out, *t->at++);
        skip_lazy(t);
        return 0;
    default:
        add_part(t, 1);
        break;
    }
    strbuf_putc(&t->out, *t->at++);
    return 0;
}

/* "(?i)" at the beginning is a flag for all of it. */
static const char *leading_flags(const char *expression, unsigned *flags)
{
    size_t n = text_starts(expression, "(?") ? strspn(expression + 2, RE2_LETTERS) : 0;

    if (n == 0 || expression[2 + n] != ')')
        return expression;
    *flags |= re2_flags(expression + 2, n);
    return expression + n + 3;
}

char *re2_to_posix(const char *expression, unsigned *flags, size_t *captures, struct err *e)
{
    struct translation t = { .at = leading_flags(expression, flags), .out = STRBUF_TEXT, .e = e };

    t.flags = *flags;
    while (*t.at) {
        if (translate_one(&t) < 0) {
            strbuf_release(&t.out);
            return NULL;
        }
    }
    *captures = t.captures;
    return strbuf_take(&t.out);
}
