#include "cache/select/expand.h"

#include "cache/select/arithmetic.h"
#include "cache/select/shell_pattern.h"

#include <ctype.h>
#include <string.h>

enum { DEPTH_MAX = 32 };

/* What a piece of text is part of decides what quotes and backslashes mean in it. */
enum part {
    TEXT,    /* the argument itself: quotes are characters */
    WORD,    /* behind :- and the like: quotes quote */
    PATTERN, /* behind # and %: and what they quote is no pattern */
    SUM,     /* in $((...)): there are none */
};

struct expansion {
    const char *text, *at;
    char *const *env;
    unsigned depth;
    bool idle; /* what comes out is not wanted: a ${VAR:?} in it is no error */
    struct err *e;
};

struct parameter {
    const char *name;
    int name_len;
    const char *value; /* NULL when it is not set */
    bool wants_set;    /* the operator began with ':': empty is as good as not set */
    struct strbuf *out;
};

static int expand_part(struct expansion *x, enum part part, const char *stop, struct strbuf *out);

static int fault(struct expansion *x, const char *what)
{
    return err_set(x->e, ERR_JOB, 0, "1:%zu: %s", (size_t)(x->at - x->text) + 1, what);
}

static int substitution(struct expansion *x)
{
    return err_set(x->e, ERR_JOB, 0, "unexpected command substitution at 1:%zu", (size_t)(x->at - x->text) + 1);
}

static int put(struct expansion *x, struct strbuf *out, const char *s, size_t len)
{
    return strbuf_add(out, s, len) < 0 ? fault(x, "the result is too long") : 0;
}

/* The last one wins; unlike env_get's, an empty value is one. */
static const char *find_value(char *const *env, const char *name, size_t len)
{
    const char *value = NULL;
    for (; env && *env; env++)
        if (!strncmp(*env, name, len) && (*env)[len] == '=')
            value = *env + len + 1;
    return value;
}

static bool is_name(char c, bool first)
{
    return c == '_' || (first ? isalpha((unsigned char)c) : isalnum((unsigned char)c));
}

/* A variable's name, or one of the names that only a shell has; 0 when there is none at `s`. */
static size_t name_len(const char *s)
{
    size_t len = 0;
    if (*s && (strchr("@*#?-$!", *s) || isdigit((unsigned char)*s)))
        return 1;
    while (is_name(s[len], len == 0))
        len++;
    return len;
}

static size_t characters(const char *s)
{
    size_t n = 0;
    for (; *s; s++)
        n += (*s & 0xc0) != 0x80;
    return n;
}

/* --- what may stand behind a name in ${...} --- */

typedef int operator_fn(struct expansion *x, const struct parameter *p);

static bool is_given(const struct parameter *p)
{
    return p->value && (!p->wants_set || *p->value);
}

/* The word up to the '}'; only its form counts unless it is wanted. */
static int word(struct expansion *x, enum part part, bool wanted, struct strbuf *out)
{
    bool idle = x->idle;
    x->idle |= !wanted;
    int result = expand_part(x, part, "}", out);
    x->idle = idle;
    return result;
}

static int choose(struct expansion *x, const struct parameter *p, bool wanted)
{
    auto_strbuf text = STRBUF_INIT(EXPAND_MAX);
    if (word(x, WORD, wanted, &text) < 0)
        return -1;
    return wanted ? put(x, p->out, strbuf_text(&text), text.len) : 0;
}

static int op_default(struct expansion *x, const struct parameter *p)
{
    if (choose(x, p, !is_given(p)) < 0)
        return -1;
    return is_given(p) ? put(x, p->out, p->value, strlen(p->value)) : 0;
}

static int op_alternative(struct expansion *x, const struct parameter *p)
{
    return choose(x, p, is_given(p));
}

static int op_assign(struct expansion *x, const struct parameter *p)
{
    if (!is_given(p) && !x->idle)
        return fault(x, "variables cannot be set here");
    return op_default(x, p);
}

static int op_require(struct expansion *x, const struct parameter *p)
{
    auto_strbuf message = STRBUF_INIT(EXPAND_MAX);
    if (word(x, WORD, !is_given(p), &message) < 0)
        return -1;
    if (is_given(p))
        return put(x, p->out, p->value, strlen(p->value));
    return x->idle ? 0 : err_set(x->e, ERR_JOB, 0, "%.*s: %s", p->name_len, p->name, strbuf_text(&message));
}

static int trim(struct expansion *x, const struct parameter *p, char side)
{
    auto_strbuf pattern = STRBUF_INIT(EXPAND_MAX);
    bool longest = *x->at == side;
    x->at += longest;
    if (word(x, PATTERN, true, &pattern) < 0)
        return -1;
    const char *value = p->value ? p->value : "";
    return (side == '#' ? shell_trim_front : shell_trim_back)(strbuf_text(&pattern), value, longest, p->out, x->e);
}

static int op_trim_front(struct expansion *x, const struct parameter *p)
{
    return trim(x, p, '#');
}

/* ${VAR/pattern/word}, the first place; // all places; /# and /% one in front and behind. */
static int op_replace(struct expansion *x, const struct parameter *p)
{
    auto_strbuf pattern = STRBUF_INIT(EXPAND_MAX), by = STRBUF_INIT(EXPAND_MAX);
    char where = *x->at && strchr("/#%", *x->at) ? *x->at++ : ' ';
    if (expand_part(x, PATTERN, "/}", &pattern) < 0 || (x->at[-1] == '/' && word(x, WORD, true, &by) < 0))
        return -1;
    return shell_replace(strbuf_text(&pattern), p->value ? p->value : "", strbuf_text(&by), where, p->out, x->e);
}

static int op_trim_back(struct expansion *x, const struct parameter *p)
{
    return trim(x, p, '%');
}

static int change_case(struct expansion *x, const struct parameter *p, char sign, int (*change)(int))
{
    bool all = *x->at == sign;
    x->at += all;
    if (*x->at != '}')
        return fault(x, "letters to change cannot be chosen here");
    x->at++;
    for (const char *s = p->value ? p->value : ""; *s; s++) {
        char c = all || s == p->value ? (char)change((unsigned char)*s) : *s;
        if (put(x, p->out, &c, 1) < 0)
            return -1;
    }
    return 0;
}

static int op_upper(struct expansion *x, const struct parameter *p)
{
    return change_case(x, p, '^', toupper);
}

static int op_lower(struct expansion *x, const struct parameter *p)
{
    return change_case(x, p, ',', tolower);
}

/* A number up to one of the characters in `stop`, which is passed. */
static int sum(struct expansion *x, const char *stop, int64_t *out)
{
    auto_strbuf text = STRBUF_INIT(EXPAND_MAX);
    if (expand_part(x, SUM, stop, &text) < 0)
        return -1;
    return arithmetic_eval(strbuf_text(&text), x->env, out, x->e);
}

static const char *skip_characters(const char *s, int64_t n)
{
    for (; n > 0 && *s; n--)
        do
            s++;
        while ((*s & 0xc0) == 0x80);
    return s;
}

/* ${VAR:offset} and ${VAR:offset:length}, in characters; less than 0 counts from the end. */
static int op_slice(struct expansion *x, const struct parameter *p)
{
    const char *value = p->value ? p->value : "";
    int64_t size = (int64_t)characters(value), from, n = size;
    if (sum(x, ":}", &from) < 0 || (x->at[-1] == ':' && sum(x, "}", &n) < 0))
        return -1;
    from = from < -size ? size : from < 0 ? size + from : from > size ? size : from;
    int64_t end = n < 0 ? size + (n < -size ? -size : n) : n > size - from ? size : from + n;
    if (end <= from)
        return 0;
    const char *start = skip_characters(value, from);
    return put(x, p->out, start, (size_t)(skip_characters(start, end - from) - start));
}

static const struct {
    char sign;
    bool after_colon; /* a ':' may come before it */
    operator_fn *run;
} operators[] = {
    { '-', true, op_default },      { '=', true, op_assign },       { '?', true, op_require },
    { '+', true, op_alternative },  { '#', false, op_trim_front },  { '%', false, op_trim_back },
    { '^', false, op_upper },       { ',', false, op_lower },       { '/', false, op_replace },
};

static int run_operator(struct expansion *x, struct parameter *p)
{
    p->wants_set = *x->at == ':';
    char sign = x->at[p->wants_set];
    for (size_t i = 0; i < ARRAY_SIZE(operators); i++)
        if (operators[i].sign == sign && (!p->wants_set || operators[i].after_colon)) {
            x->at += 1 + p->wants_set;
            return operators[i].run(x, p);
        }
    if (p->wants_set) {
        x->at++;
        return op_slice(x, p);
    }
    return fault(x, sign ? "not a valid parameter expansion operator" : "reached the end without a }");
}

/* --- $... --- */

static int braces(struct expansion *x, struct strbuf *out)
{
    bool length = *x->at == '#' && name_len(x->at + 1) > 0 && x->at[1] != '#';
    if (length && (x->at[1] == '-' || x->at[1] == '?') && x->at[2] != '}')
        length = false; /* ${#-word}: of $# */
    x->at += length;
    size_t len = name_len(x->at);
    if (len == 0)
        return fault(x, "invalid parameter name");
    while (isdigit((unsigned char)*x->at) && isdigit((unsigned char)x->at[len]))
        len++;
    struct parameter p = { x->at, (int)len, find_value(x->env, x->at, len), false, out };
    x->at += len;
    if (*x->at != '}')
        return length ? fault(x, "not a valid parameter expansion operator") : run_operator(x, &p);
    x->at++;
    if (length) {
        char digits[32];
        int n = snprintf(digits, sizeof(digits), "%zu", characters(p.value ? p.value : ""));
        return put(x, out, digits, (size_t)n);
    }
    return p.value ? put(x, out, p.value, strlen(p.value)) : 0;
}

static int parentheses(struct expansion *x, struct strbuf *out)
{
    char digits[32];
    int64_t value;
    auto_strbuf text = STRBUF_INIT(EXPAND_MAX);
    x->at += 2;
    if (expand_part(x, SUM, ")", &text) < 0)
        return -1;
    if (*x->at != ')')
        return fault(x, "$(( needs )) at its end");
    x->at++;
    if (x->idle)
        return 0;
    if (arithmetic_eval(strbuf_text(&text), x->env, &value, x->e) < 0)
        return -1;
    int n = snprintf(digits, sizeof(digits), "%lld", (long long)value);
    return put(x, out, digits, (size_t)n);
}

static int dollar(struct expansion *x, struct strbuf *out)
{
    if (x->at[1] == '(' && x->at[2] != '(')
        return substitution(x);
    x->at++;
    if (*x->at == '(')
        return parentheses(x, out);
    if (*x->at == '{') {
        x->at++;
        return braces(x, out);
    }
    size_t len = name_len(x->at);
    if (len == 0)
        return put(x, out, "$", 1);
    const char *value = find_value(x->env, x->at, len);
    x->at += len;
    return value ? put(x, out, value, strlen(value)) : 0;
}

/* --- text --- */

/* What quotes make of a text in a pattern: itself. */
static int put_escaped(struct expansion *x, struct strbuf *out, const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((strchr("*?[\\", s[i]) && put(x, out, "\\", 1) < 0) || put(x, out, s + i, 1) < 0)
            return -1;
    return 0;
}

/* A character that is only itself. */
static int literal(struct expansion *x, enum part part, bool quoted, struct strbuf *out)
{
    const char *c = x->at++;
    return part == PATTERN && quoted ? put_escaped(x, out, c, 1) : put(x, out, c, 1);
}

static int parameter(struct expansion *x, enum part part, bool quoted, struct strbuf *out)
{
    if (part != PATTERN || !quoted)
        return dollar(x, out);
    auto_strbuf value = STRBUF_INIT(EXPAND_MAX);
    return dollar(x, &value) < 0 ? -1 : put_escaped(x, out, strbuf_text(&value), value.len);
}

static int backslash(struct expansion *x, enum part part, struct strbuf *out)
{
    const char *special = part == TEXT ? "$`\\" : "$`\\\"'}";
    char next = x->at[1];
    if (part == PATTERN && next) { /* keeps what it has to say to the pattern */
        x->at += 2;
        return put(x, out, x->at - 2, 2);
    }
    if (next && strchr(special, next))
        x->at++;
    return put(x, out, x->at++, 1);
}

static int single_quotes(struct expansion *x, enum part part, struct strbuf *out)
{
    for (x->at++; *x->at != '\''; )
        if (!*x->at)
            return fault(x, "reached the end without a '");
        else if (literal(x, part, true, out) < 0)
            return -1;
    x->at++;
    return 0;
}

/* Up to a character of `stop` (which is passed) or, with "", to the end of the text. */
static int expand_pieces(struct expansion *x, enum part part, const char *stop, struct strbuf *out)
{
    bool quotes = part == WORD || part == PATTERN, quoted = false;
    unsigned open = 0; /* parentheses in a sum */
    for (;;) {
        char c = *x->at;
        int result;
        if (!c)
            return *stop || quoted ? fault(x, "reached the end too early") : 0;
        if (strchr(stop, c) && !quoted && !open) {
            x->at++;
            return 0;
        }
        if (part == SUM)
            open = open + (c == '(') - (c == ')');
        if (c == '`')
            return substitution(x);
        if (c == '$')
            result = parameter(x, part, quoted, out);
        else if (c == '\\')
            result = backslash(x, part, out);
        else if (c == '\'' && quotes && !quoted)
            result = single_quotes(x, part, out);
        else if (c == '"' && quotes) {
            quoted = !quoted;
            x->at++;
            result = 0;
        } else
            result = literal(x, part, quoted, out);
        if (result < 0)
            return -1;
    }
}

static int expand_part(struct expansion *x, enum part part, const char *stop, struct strbuf *out)
{
    if (x->depth == DEPTH_MAX)
        return fault(x, "nested too deeply");
    x->depth++;
    int result = expand_pieces(x, part, stop, out);
    x->depth--;
    return result;
}

int expand_text(const char *text, char *const *env, char **out, struct err *e)
{
    auto_strbuf result = STRBUF_INIT(EXPAND_MAX);
    struct expansion x = { .text = text, .at = text, .env = env, .e = e };
    if (expand_part(&x, TEXT, "", &result) < 0)
        return -1;
    *out = strbuf_take(&result);
    return 0;
}

void expand_paths(struct strvec *paths, char *const *env, const struct report *report)
{
    for (size_t i = 0; i < paths->n; i++) {
        auto_err e = ERR_INIT;
        char *expanded = NULL;
        if (expand_text(paths->items[i], env, &expanded, &e) < 0) {
            /* gitlab-runner names what came out, which is nothing */
            report_line(report, LOG_WARNING, "invalid path \"\": %s", err_text(&e));
            continue;
        }
        free(paths->items[i]);
        paths->items[i] = expanded;
    }
}
