#include "stages/deploy/interpolate.h"

#include "base/text.h"

#include <string.h>

/* Defaults in defaults that people write are two or three deep. */
#define NESTING_MAX 10
#define UNSET_MAX   20

struct expansion {
    const struct compose_variables *variables;
    struct interpolated *out;
    struct strbuf text;
};

/* A part of the text. */
struct span {
    const char *at, *end;
};

static const char first_letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";

static size_t name_len(struct span s)
{
    if (s.at == s.end || !strchr(first_letters, *s.at))
        return 0;
    size_t len = 1;
    while (s.at + len < s.end && strchr(letters, s.at[len]))
        len++;
    return len;
}

static int problem(struct expansion *x, struct span at, const char *what)
{
    auto_free char *text = xstrndup(at.at, (size_t)(at.end - at.at));
    auto_strbuf shown = STRBUF_TEXT;

    text_visible(&shown, text, 60);
    strvec_pushf(&x->out->problems, "`%s` %s", strbuf_text(&shown), what);
    return -1;
}

static int add(struct expansion *x, const char *text, size_t len)
{
    if (strbuf_add(&x->text, text, len) == 0)
        return 0;
    strvec_pushf(&x->out->problems, "it grows beyond %zu KiB when its variables are put in", INTERPOLATED_MAX >> 10);
    return -1;
}

/* `message`: what ${X:?message} says. */
static void unset(struct expansion *x, const char *name, bool secret, const char *message)
{
    auto_strbuf text = STRBUF_TEXT;

    x->out->secret |= secret;
    if (x->out->unset.n == UNSET_MAX)
        return;
    strbuf_printf(&text, "variable `%s` is not set", name);
    if (message && *message) {
        strbuf_puts(&text, ": ");
        text_visible(&text, message, 400);
    }
    strbuf_puts(&text, "; ");
    size_t bare = text.len;
    if (x->variables->missing)
        x->variables->missing(x->variables->ctx, name, &text);
    if (text.len == bare)
        strbuf_printf(&text, "set it, or give it a default: ${%s:-…}", name);
    if (!strvec_has(&x->out->unset, strbuf_text(&text)))
        strvec_push(&x->out->unset, strbuf_text(&text));
}

static const char *find(struct expansion *x, const char *name, bool *secret)
{
    *secret = false;
    return x->variables->find(x->variables->ctx, name, secret);
}

static int put_value(struct expansion *x, const char *value, bool secret)
{
    x->out->secret |= secret && *value;
    return add(x, value, strlen(value));
}

/* The brace that closes the one before `s`; NULL when there is none. */
static const char *closing_brace(struct span s)
{
    size_t open = 1;

    for (const char *p = s.at; p < s.end; p++) {
        if (*p == '}' && --open == 0)
            return p;
        if (*p == '$' && p + 1 < s.end && (p[1] == '{' || p[1] == '$')) {
            open += p[1] == '{';
            p++;
        }
    }
    return NULL;
}

static int expand(struct expansion *x, struct span s, int depth);

/* ${NAME, an operator, a word}: `word` is what follows the operator. */
static int put_operator(struct expansion *x, const char *name, const char *operator, struct span word, int depth)
{
    bool secret, or_empty = *operator == ':';
    const char *value = find(x, name, &secret);
    bool there = value && !(or_empty && !*value);

    switch (operator[or_empty]) {
    case '-':
        return there ? put_value(x, value, secret) : expand(x, word, depth + 1);
    case '+':
        return there ? expand(x, word, depth + 1) : 0;
    default:
        if (there)
            return put_value(x, value, secret);
        auto_free char *message = xstrndup(word.at, (size_t)(word.end - word.at));
        unset(x, name, secret, message);
        return 0;
    }
}

static int put_plain(struct expansion *x, const char *name)
{
    bool secret;
    const char *value = find(x, name, &secret);

    if (value)
        return put_value(x, value, secret);
    unset(x, name, secret, NULL);
    return 0;
}

/* From the `$` of "${" on. *next is what follows the closing brace. */
static int put_braced(struct expansion *x, struct span s, int depth, const char **next)
{
    static const char *const operators[] = { ":-", ":?", ":+", "-", "?", "+" };
    struct span inner = { s.at + 2, closing_brace((struct span){ s.at + 2, s.end }) };

    if (!inner.end)
        return problem(x, s, "has no closing brace; write ${NAME}, or $${ for a dollar and a brace");
    struct span whole = { s.at, inner.end + 1 };
    size_t len = name_len(inner);
    if (len == 0)
        return problem(x, whole, "names no variable; write ${NAME}, or $${ for a dollar and a brace");
    *next = inner.end + 1;
    auto_free char *name = xstrndup(inner.at, len);
    inner.at += len;
    if (inner.at == inner.end)
        return put_plain(x, name);
    for (size_t i = 0; i < ARRAY_SIZE(operators); i++) {
        size_t width = strlen(operators[i]);
        if ((size_t)(inner.end - inner.at) < width || strncmp(inner.at, operators[i], width) != 0)
            continue;
        if (depth == NESTING_MAX)
            return problem(x, whole, "is too deep; give fewer defaults in defaults");
        return put_operator(x, name, operators[i], (struct span){ inner.at + width, inner.end }, depth);
    }
    return problem(x, whole, "is not understood; after the name may come :- - :? ? :+ or + and a text");
}

/* At a `$`. */
static int put_reference(struct expansion *x, struct span s, int depth, const char **next)
{
    if (s.at + 1 < s.end && s.at[1] == '$') {
        *next = s.at + 2;
        return add(x, "$", 1);
    }
    if (s.at + 1 < s.end && s.at[1] == '{')
        return put_braced(x, s, depth, next);
    size_t len = name_len((struct span){ s.at + 1, s.end });
    if (len == 0)
        return problem(x, (struct span){ s.at, s.end - s.at > 20 ? s.at + 20 : s.end },
                       "has a dollar that names no variable; write $$ for a dollar");
    auto_free char *name = xstrndup(s.at + 1, len);
    *next = s.at + 1 + len;
    return put_plain(x, name);
}

static int expand(struct expansion *x, struct span s, int depth)
{
    while (s.at < s.end) {
        const char *dollar = memchr(s.at, '$', (size_t)(s.end - s.at));
        const char *plain_end = dollar ? dollar : s.end;
        if (add(x, s.at, (size_t)(plain_end - s.at)) < 0)
            return -1;
        s.at = plain_end;
        if (dollar && put_reference(x, s, depth, &s.at) < 0)
            return -1;
    }
    return 0;
}

void interpolate(const char *text, const struct compose_variables *v, struct interpolated *out)
{
    *out = (struct interpolated){ NULL, false, STRVEC_INIT, STRVEC_INIT };
    struct expansion x = { v, out, STRBUF_INIT(INTERPOLATED_MAX) };

    (void)expand(&x, (struct span){ text, text + strlen(text) }, 0);
    out->text = strbuf_take(&x.text);
}

void interpolated_release(struct interpolated *i)
{
    free(i->text);
    strvec_release(&i->unset);
    strvec_release(&i->problems);
    *i = (struct interpolated){ NULL, false, STRVEC_INIT, STRVEC_INIT };
}
