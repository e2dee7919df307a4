#include "stages/deploy/compose_reader.h"

#include "base/json.h"
#include "base/number.h"
#include "base/text.h"
#include "stages/deploy/interpolate.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>

/* More are only counted: nobody reads them. */
#define PROBLEMS_MAX 100
/* Of all texts together: a small file could name a large variable very often. */
#define GROWN_MAX ((size_t)16 << 20)

/* ---- Messages ---- */

static void say(struct compose_reader *r, struct strvec *to, int line, int column, const char *fmt, va_list args)
    PRINTF_LIKE(5, 0);

static void say(struct compose_reader *r, struct strvec *to, int line, int column, const char *fmt, va_list args)
{
    auto_free char *text = xvasprintf(fmt, args);
    auto_free char *whole = xasprintf("%s:%d:%d: %s", r->file, line, column, text);

    if (strvec_has(to, whole)) /* an alias is read wherever it is used */
        return;
    if (to->n < PROBLEMS_MAX)
        strvec_give(to, take(&whole));
    else if (to == r->problems)
        r->unsaid++;
}

#define SAY(to, line, column)                                                                                          \
    do {                                                                                                               \
        va_list args;                                                                                                  \
        va_start(args, fmt);                                                                                           \
        say(r, (to), (line), (column), fmt, args);                                                                     \
        va_end(args);                                                                                                  \
    } while (0)

void compose_problem(struct compose_reader *r, const struct yaml *at, const char *fmt, ...)
{
    SAY(r->problems, at->line, at->column);
}

void compose_key_problem(struct compose_reader *r, const struct yaml *at, const char *fmt, ...)
{
    SAY(r->problems, at->key_line, at->key_column);
}

void compose_warning(struct compose_reader *r, const struct yaml *at, const char *fmt, ...)
{
    SAY(r->warnings, at->line, at->column);
}

void compose_key_warning(struct compose_reader *r, const struct yaml *at, const char *fmt, ...)
{
    SAY(r->warnings, at->key_line, at->key_column);
}

/* ---- Shapes ---- */

bool compose_absent(const struct yaml *y)
{
    return !y || (y->type == YAML_NULL && !y->tag);
}

bool compose_is(struct compose_reader *r, const struct yaml *y, enum yaml_type type, const char *keyword,
                const char *wanted)
{
    if (y->type == type)
        return true;
    auto_free char *shown = text_quote(keyword); /* in a map it may be a name */
    compose_problem(r, y, "`%s` is %s here; it must be %s", shown, yaml_type_name(y), wanted);
    return false;
}

void compose_check_keys(struct compose_reader *r, const struct yaml *map, const char *keyword, const char *const *known)
{
    for (size_t i = 0; i < map->n; i++) {
        const char *key = map->items[i]->key;
        if (text_is_any(key, known))
            continue;
        auto_free char *shown = text_quote(key);
        const char *near = text_nearest(key, known);
        compose_key_problem(r, map->items[i], "unknown key `%s` in `%s`; %s%s%s", shown, keyword,
                            near ? "did you mean `" : "take it out", near ? near : "", near ? "`?" : "");
    }
}

/* ---- Texts ---- */

static bool has_control(const char *text, enum compose_kind kind)
{
    if (kind == COMPOSE_ANY)
        return false;
    for (; *text; text++)
        if (iscntrl((unsigned char)*text) && !(kind == COMPOSE_TEXT && (*text == '\n' || *text == '\t')))
            return true;
    return false;
}

/* What may be shown of it: with a secret, the text as it is in the file. The caller's. */
static char *compose_shown(const struct yaml *y, const char *text, bool secret)
{
    return text_quote(secret ? y->text : text);
}

/* Whether the text can be gone on with: all its variables are set. */
static bool is_complete(struct compose_reader *r, const struct yaml *y, const struct interpolated *i)
{
    for (size_t n = 0; n < i->problems.n; n++)
        compose_problem(r, y, "%s", i->problems.items[n]);
    for (size_t n = 0; n < i->unset.n; n++) {
        auto_free char *note = xasprintf("%s:%d:%d: %s", r->file, y->line, y->column, i->unset.items[n]);
        if (!r->variables->unset)
            compose_problem(r, y, "%s", i->unset.items[n]);
        else if (r->variables->unset->n < PROBLEMS_MAX && !strvec_has(r->variables->unset, note))
            strvec_give(r->variables->unset, take(&note));
    }
    return i->problems.n == 0 && i->unset.n == 0;
}

static bool is_acceptable(struct compose_reader *r, const struct yaml *y, const char *keyword, enum compose_kind kind,
                          const struct interpolated *i)
{
    auto_free char *shown = compose_shown(y, i->text, i->secret);

    r->grown += strlen(i->text);
    if (r->grown > GROWN_MAX)
        compose_problem(r, y, "the file grows beyond %zu MiB when its variables are put in; name large ones less often",
                        GROWN_MAX >> 20);
    else if (!text_is_utf8(i->text)) /* JSON, which carries all of it to the daemon, has no other text */
        compose_problem(r, y, "`%s` in `%s` is not UTF-8 when its variables are put in; encode their values", shown,
                        keyword);
    else if (has_control(i->text, kind))
        compose_problem(r, y, "`%s` in `%s` has a line's end or another control character in it; take it out", shown,
                        keyword);
    else
        return true;
    return false;
}

char *compose_text(struct compose_reader *r, const struct yaml *y, const char *keyword, enum compose_kind kind,
                   bool *secret)
{
    auto_interpolated i = { 0 };

    if (!compose_is(r, y, YAML_SCALAR, keyword, "text"))
        return NULL;
    interpolate(y->text, r->variables, &i);
    bool complete = is_complete(r, y, &i);
    if (i.secret && !secret) {
        auto_free char *shown = text_quote(y->text);
        compose_problem(r, y, "`%s` puts a secret into `%s`, which anybody on the target can read; a secret may be "
                        "in `environment` alone, where a command's shell finds it as $$NAME", shown, keyword);
        return NULL;
    }
    if (!complete || !is_acceptable(r, y, keyword, kind, &i))
        return NULL;
    if (secret)
        *secret = i.secret;
    return take(&i.text);
}

/* ---- Plain scalars ---- */

/* 0755, 0x1F, 1_000, 3.10, 1e3, 22:22, yes: numbers and booleans of YAML 1.1. */
static bool is_another_value(const char *text)
{
    static const char *const words[] = { "yes", "Yes", "YES", "no", "No", "NO", "on", "On", "ON", "off", "Off", "OFF",
                                         NULL };
    if (text_is_any(text, words))
        return true;
    if (*text == '-' || *text == '+')
        text++;
    if (!isdigit((unsigned char)*text))
        return false;
    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'o'))
        return text[2] && text[strspn(text + 2, "0123456789abcdefABCDEF_") + 2] == '\0';
    size_t digits = strspn(text, "0123456789_"), len = strlen(text);
    if (digits == len)
        return (text[0] == '0' && len > 1) || strchr(text, '_');
    if (strspn(text, "0123456789:") == len)
        return text[len - 1] != ':';
    size_t fraction = text[digits] == '.' ? strspn(text + digits + 1, "0123456789") + 1 : 0;
    if (digits + fraction == len)
        return text[len - 1] == '0' || text[len - 1] == '.';
    const char *exponent = text + digits + fraction;
    return (*exponent == 'e' || *exponent == 'E') && exponent[1] && !exponent[strspn(exponent + 1, "+-0123456789") + 1];
}

void compose_warn_of_number(struct compose_reader *r, const struct yaml *y)
{
    if (y->type == YAML_SCALAR && !y->quoted && is_another_value(y->text))
        compose_warning(r, y, "docker-compose reads `%s` as something else than this text; write '%s'", y->text,
                        y->text);
}

void compose_read_bool(struct compose_reader *r, const struct yaml *y, const char *keyword, bool *out)
{
    auto_free char *text = compose_text(r, y, keyword, COMPOSE_LINE, NULL);

    if (!text)
        return;
    struct yaml value = { .type = YAML_SCALAR, .text = text };
    if (yaml_bool(&value, out) < 0) {
        auto_free char *shown = text_quote(text);
        compose_problem(r, y, "`%s` is `%s`; it must be true or false", keyword, shown);
    }
}

void compose_read_duration(struct compose_reader *r, const struct yaml *y, const char *keyword, int64_t *out_ms)
{
    auto_free char *text = compose_text(r, y, keyword, COMPOSE_LINE, NULL);
    int64_t ms;

    if (!text)
        return;
    /* A bare number would be seconds for us, and is refused by docker-compose. */
    if (text[strspn(text, "0123456789")] && duration_parse(text, &ms) == 0 && ms <= INT64_MAX / 1000000) {
        *out_ms = ms;
        return;
    }
    auto_free char *shown = text_quote(text);
    compose_problem(r, y, "`%s` is `%s`; it must be a duration such as 30s, 1m30s or 500ms", keyword, shown);
}
