#include "stages/pipeline/ref_pattern.h"

#include "base/number.h"
#include "base/strbuf.h"
#include "base/text.h"

#include <ctype.h>
#include <regex.h>
#include <string.h>

/* As RE2 has it: what {n} in {n} multiply to. glibc would take gigabytes for more. */
#define REPEAT_MAX 1000
#define BYTES      256

/* ---- From RE2's expressions to POSIX's ----
 *
 * Only whether one matches counts, never what: so greed makes no difference. */

struct translation {
    const char *at; /* what is not read yet */
    struct strbuf out;
    int64_t repeats; /* the product of all counts so far */
    struct err *e;
};

static int cannot(struct translation *t, const char *what, size_t len)
{
    return err_set(t->e, ERR_JOB, 0, "`%.*s` is not supported in it", (int)len, what);
}

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
    if (from <= 0 || to < from)
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
            return cannot(t, t->at, strnlen(t->at, 2));
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
        return 0;
    }
    auto_free char *text = end > high ? xstrndup(high, (size_t)(end - high)) : xstrndup(low, (size_t)(comma - low));
    if (number_parse(text, 0, REPEAT_MAX, &count) < 0 || (t->repeats *= count > 1 ? count : 1) > REPEAT_MAX)
        return cannot(t, t->at, (size_t)(end + 1 - t->at));
    strbuf_putn(&t->out, t->at, (size_t)(end + 1 - t->at));
    t->at = end + 1;
    skip_lazy(t);
    return 0;
}

static int translate_one(struct translation *t)
{
    switch (*t->at) {
    case '\\':
        return translate_escape(t);
    case '[':
        return translate_class(t);
    case '{':
        return translate_count(t);
    case '(':
        if (t->at[1] == '?' && t->at[2] != ':')
            return cannot(t, t->at, strnlen(t->at, 3));
        strbuf_putc(&t->out, '(');
        t->at += t->at[1] == '?' ? 3 : 1;
        return 0;
    case '*':
    case '+':
    case '?':
        strbuf_putc(&t->out, *t->at++);
        skip_lazy(t);
        return 0;
    default:
        strbuf_putc(&t->out, *t->at++);
        return 0;
    }
}

char *ref_pattern_to_posix(const char *expression, struct err *e)
{
    struct translation t = { .at = expression, .out = STRBUF_TEXT, .repeats = 1, .e = e };

    while (*t.at) {
        if (translate_one(&t) < 0) {
            strbuf_release(&t.out);
            return NULL;
        }
    }
    return strbuf_take(&t.out);
}

/* ---- Entries ---- */

/* What is between the slashes, the caller's, and whether `i` is behind them. NULL when it is no expression.
 * Of the other flags, none makes a difference for a name in one line. */
static char *expression_of(const char *pattern, bool *ignore_case)
{
    const char *end = strrchr(pattern, '/');

    if (*pattern != '/' || end == pattern || end[1 + strspn(end + 1, "ismU")])
        return NULL;
    *ignore_case = strchr(end, 'i') != NULL;
    return xstrndup(pattern + 1, (size_t)(end - pattern - 1));
}

static int compile(const char *expression, bool ignore_case, regex_t *out, struct err *e)
{
    auto_free char *posix = ref_pattern_to_posix(expression, e);
    char problem[200];

    if (!posix)
        return -1;
    int rc = regcomp(out, posix, REG_EXTENDED | REG_NOSUB | (ignore_case ? REG_ICASE : 0));
    if (rc == 0)
        return 0;
    (void)regerror(rc, NULL, problem, sizeof(problem));
    return err_set(e, ERR_JOB, 0, "%s", problem);
}

/* The pattern without its "@group/project"; the caller's. */
static char *without_project(const char *pattern)
{
    return xstrndup(pattern, strcspn(pattern, "@"));
}

int ref_pattern_check(const char *pattern, struct err *e)
{
    auto_free char *own = without_project(pattern);
    bool ignore_case;
    auto_free char *expression = expression_of(own, &ignore_case);
    regex_t compiled;

    if (!expression)
        return 0;
    if (compile(expression, ignore_case, &compiled, e) < 0)
        return -1;
    regfree(&compiled);
    return 0;
}

static bool expression_matches(const char *expression, bool ignore_case, const char *name)
{
    regex_t compiled;

    if (compile(expression, ignore_case, &compiled, NULL) < 0)
        return false;
    bool matches = regexec(&compiled, name, 0, NULL, 0) == 0;
    regfree(&compiled);
    return matches;
}

bool ref_pattern_matches(const char *pattern, const struct ref_facts *ref)
{
    const char *project = strchr(pattern, '@');
    auto_free char *own = without_project(pattern);
    bool ignore_case;
    auto_free char *expression = expression_of(own, &ignore_case);

    if (project && strcmp(project + 1, ref->project) != 0)
        return false;
    if (expression)
        return expression_matches(expression, ignore_case, ref->name);
    return strcmp(own, ref->is_tag ? "tags" : "branches") == 0 || strcmp(own, "pushes") == 0 ||
           strcmp(own, ref->name) == 0;
}

bool ref_pattern_is_foreign(const char *pattern)
{
    static const char *const words[] = {
        "api",       "chats",     "external", "external_pull_requests", "merge_requests",
        "pipelines", "schedules", "triggers", "web",                    NULL,
    };
    return text_is_any(pattern, words);
}
