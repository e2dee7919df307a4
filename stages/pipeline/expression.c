#include "stages/pipeline/expression.h"

#include "base/text.h"
#include "stages/pipeline/re2.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>

/* Brackets in brackets. */
#define DEPTH_MAX 50

enum value_type { VALUE_NULL, VALUE_TEXT, VALUE_FLAG };

struct value {
    enum value_type type;
    char *text; /* of VALUE_TEXT */
    bool flag;
};

static void value_release(struct value *v)
{
    free(v->text);
}
#define auto_value __attribute__((cleanup(value_release))) struct value

/* An expression is judged while it is read. */
struct reading {
    const char *text;
    const char *at;
    const struct expression_scope *scope;
    bool dry; /* only read: what comes now decides nothing */
    int depth;
    struct err *e;
};

static int refuse(const struct reading *r, const char *at, const char *fmt, ...) PRINTF_LIKE(3, 4);
static int refuse(const struct reading *r, const char *at, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    auto_free char *problem = xvasprintf(fmt, args);
    va_end(args);
    return err_set(r->e, ERR_JOB, 0, "at character %td: %s", at - r->text + 1, problem);
}

static void skip_blanks(struct reading *r)
{
    r->at += strspn(r->at, " \t\r\n");
}

/* Whether that comes next; then it is passed. */
static bool accept(struct reading *r, const char *word)
{
    skip_blanks(r);
    if (!text_starts(r->at, word))
        return false;
    r->at += strlen(word);
    return true;
}

static const char *find_variable(const struct expression_scope *scope, const char *name)
{
    for (; scope; scope = scope->outer) {
        const char *value = variables_value(scope->variables, name);
        if (value)
            return value;
    }
    return NULL;
}

/* What `a && b` asks. */
static bool is_true(const struct value *v)
{
    return v->type == VALUE_TEXT || (v->type == VALUE_FLAG && v->flag);
}

static bool is_equal(const struct value *a, const struct value *b)
{
    if (a->type != b->type)
        return false;
    return a->type == VALUE_NULL || (a->type == VALUE_TEXT ? strcmp(a->text, b->text) == 0 : a->flag == b->flag);
}

static void set_flag(struct value *v, bool flag)
{
    value_release(v);
    *v = (struct value){ VALUE_FLAG, NULL, flag };
}

/* ---- Operands ---- */

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

static size_t word_length(const char *at)
{
    size_t n = 0;

    while (is_word(at[n]))
        n++;
    return n;
}

static int read_variable(struct reading *r, struct value *out)
{
    size_t n = word_length(r->at + 1);

    if (n == 0)
        return refuse(r, r->at, r->at[1] == '{' ? "a variable is written without braces here: $NAME" : "a $ without a name");
    auto_free char *name = xstrndup(r->at + 1, n);
    const char *value = find_variable(r->scope, name);
    r->at += n + 1;
    if (value)
        *out = (struct value){ VALUE_TEXT, xstrdup(value), false };
    return 0;
}

static int read_text(struct reading *r, struct value *out)
{
    const char *end = strchr(r->at + 1, *r->at);

    if (!end)
        return refuse(r, r->at, "a text begins here, and its closing %c is missing", *r->at);
    *out = (struct value){ VALUE_TEXT, xstrndup(r->at + 1, (size_t)(end - r->at - 1)), false };
    r->at = end + 1;
    return 0;
}

static int refuse_operand(const struct reading *r)
{
    size_t n = word_length(r->at);
    auto_free char *rest = text_quote(r->at);

    if (!*r->at)
        return refuse(r, r->at, "a variable, a text or `null` is missing");
    if (n > 0)
        return refuse(r, r->at, "`%.*s` is neither a variable nor a text; write $%.*s or \"%.*s\"", (int)n, r->at, (int)n,
                      r->at, (int)n, r->at);
    if (*r->at == '/')
        return refuse(r, r->at, "a /regular expression/ belongs to the right of =~ or !~");
    return refuse(r, r->at, "`%s`: a variable, a text or `null` is wanted here", rest);
}

static int read_either(struct reading *r, struct value *out);

static int read_operand(struct reading *r, struct value *out)
{
    skip_blanks(r);
    if (*r->at == '$')
        return read_variable(r, out);
    if (*r->at == '"' || *r->at == '\'')
        return read_text(r, out);
    if (text_starts(r->at, "null") && !is_word(r->at[4])) {
        r->at += 4;
        return 0;
    }
    if (*r->at != '(')
        return refuse_operand(r);
    const char *open = r->at++;
    if (++r->depth > DEPTH_MAX)
        return refuse(r, open, "more than %d brackets in brackets", DEPTH_MAX);
    if (read_either(r, out) < 0)
        return -1;
    r->depth--;
    return accept(r, ")") ? 0 : refuse(r, open, "this bracket is not closed");
}

/* ---- Regular expressions ---- */

static int read_pattern(struct reading *r, char **out, unsigned *flags)
{
    const char *end = re2_end(r->at);
    auto_err problem = ERR_INIT;

    if (!end || end == r->at + 1)
        return refuse(r, r->at, end ? "an empty regular expression" : "a regular expression begins here, and its closing / is missing");
    size_t letters = strspn(end + 1, RE2_LETTERS);
    auto_free char *whole = xstrndup(r->at, (size_t)(end - r->at) + 1 + letters);
    auto_free char *expression = re2_unwrap(whole, flags);
    if (re2_check(expression, *flags, &problem) < 0)
        return refuse(r, r->at, "the regular expression %s: %s", whole, err_text(&problem));
    r->at = end + 1 + letters;
    *out = take(&expression);
    return 0;
}

/* Without slashes it is no regular expression: GitLab looks whether the text on the left is in it, and not the other way
 * round. What is not set has no text. */
static bool contains(const struct value *left, const struct value *right)
{
    return left->text && *left->text && right->text && strstr(right->text, left->text);
}

static int read_match(struct reading *r, bool wanted, struct value *left)
{
    auto_free char *expression = NULL;
    auto_value right = { VALUE_NULL, NULL, false };
    unsigned flags = 0;

    skip_blanks(r);
    if (*r->at == '/') {
        if (read_pattern(r, &expression, &flags) < 0)
            return -1;
    } else {
        if (read_operand(r, &right) < 0)
            return -1;
        if (right.type == VALUE_TEXT)
            expression = re2_unwrap(right.text, &flags);
    }
    bool found = expression ? !r->dry && re2_matches(expression, flags, left->text ? left->text : "") : contains(left, &right);
    set_flag(left, found == wanted);
    return 0;
}

/* ---- Operators ---- */

static int read_comparison(struct reading *r, struct value *out)
{
    if (read_operand(r, out) < 0)
        return -1;
    for (;;) {
        bool equal = accept(r, "==");
        if (equal || accept(r, "!=")) {
            auto_value right = { VALUE_NULL, NULL, false };
            if (read_operand(r, &right) < 0)
                return -1;
            set_flag(out, is_equal(out, &right) == equal);
            continue;
        }
        bool wanted = accept(r, "=~");
        if (!wanted && !accept(r, "!~"))
            return 0;
        if (read_match(r, wanted, out) < 0)
            return -1;
    }
}

/* A chain of one operator. Its value is that of the first operand that decides it, and what follows is only read. */
static int read_chain(struct reading *r, const char *operator, bool decisive,
                      int (*read_part)(struct reading *r, struct value *out), struct value *out)
{
    bool dry = r->dry;
    int rc = read_part(r, out);

    while (rc == 0 && accept(r, operator)) {
        auto_value next = { VALUE_NULL, NULL, false };
        bool decided = is_true(out) == decisive;
        r->dry = dry || decided;
        rc = read_part(r, &next);
        r->dry = dry;
        if (rc < 0 || decided)
            continue;
        value_release(out);
        *out = next;
        next.text = NULL;
    }
    return rc;
}

static int read_both(struct reading *r, struct value *out)
{
    return read_chain(r, "&&", false, read_comparison, out);
}

static int read_either(struct reading *r, struct value *out)
{
    return read_chain(r, "||", true, read_both, out);
}

static int read_all(struct reading *r, struct value *out)
{
    if (read_either(r, out) < 0)
        return -1;
    skip_blanks(r);
    if (!*r->at)
        return 0;
    auto_free char *rest = text_quote(r->at);
    if (*r->at == ')')
        return refuse(r, r->at, "this bracket closes nothing");
    return refuse(r, r->at, "`%s`: an operator is wanted here: ==, !=, =~, !~, && or ||", rest);
}

int expression_check(const char *text, struct err *e)
{
    struct reading r = { .text = text, .at = text, .dry = true, .e = e };
    auto_value v = { VALUE_NULL, NULL, false };

    return read_all(&r, &v);
}

static bool is_blank(const char *text)
{
    return !text[strspn(text, " \t\r\n\f\v")];
}

int expression_holds(const char *text, const struct expression_scope *scope, bool *out, struct err *e)
{
    struct reading r = { .text = text, .at = text, .scope = scope, .e = e };
    auto_value v = { VALUE_NULL, NULL, false };

    if (read_all(&r, &v) < 0)
        return -1;
    *out = v.type == VALUE_TEXT ? !is_blank(v.text) : is_true(&v);
    return 0;
}
