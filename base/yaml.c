#include "base/yaml.h"

#include "base/text.h"

#include <ctype.h>
#include <regex.h>
#include <stdarg.h>
#include <string.h>

void yaml_tree_free(struct yaml *y)
{
    if (!y)
        return;
    for (size_t i = 0; i < y->n; i++)
        yaml_tree_free(y->items[i]);
    free(y->items);
    free(y->tag);
    free(y->text);
    free(y->key);
    free(y);
}

const struct yaml *yaml_get(const struct yaml *map, const char *key)
{
    if (!map || map->type != YAML_MAP)
        return NULL;
    for (size_t i = 0; i < map->n; i++)
        if (!strcmp(map->items[i]->key, key))
            return map->items[i];
    return NULL;
}

int yaml_bool(const struct yaml *y, bool *out)
{
    static const char *const yes[] = { "true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON", NULL };
    static const char *const no[] = { "false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF",
                                      NULL };
    if (!y || y->type != YAML_SCALAR || y->quoted)
        return -1;
    bool is_yes = text_is_any(y->text, yes);
    if (!is_yes && !text_is_any(y->text, no))
        return -1;
    *out = is_yes;
    return 0;
}

/* Of digits with `_` or `,` between them: "1_000". */
static size_t digits(const char *at, const char *known)
{
    size_t n = *at && strchr(known, *at) ? 1 : 0;

    while (n > 0 && at[n] && (at[n] == '_' || at[n] == ',' || strchr(known, at[n])))
        n++;
    return n;
}

/* 12:30, 1:20:30.5 and 2024-01-31: numbers to the base of 60, and a day. */
static bool is_time(const char *at)
{
    static const char *const forms[] = { "^[0-9][0-9_]*(:[0-5]?[0-9]){1,2}([.][0-9_]*)?$",
                                         "^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}$" };
    bool found = false;

    for (size_t i = 0; i < ARRAY_SIZE(forms) && !found; i++) {
        regex_t form;
        if (regcomp(&form, forms[i], REG_EXTENDED | REG_NOSUB) != 0)
            abort(); /* it is a constant */
        found = regexec(&form, at, 0, NULL, 0) == 0;
        regfree(&form);
    }
    return found;
}

/* As Ruby reads it. "1e3" is text there: a fraction has a dot. */
static bool is_number(const char *text)
{
    static const char decimal[] = "0123456789";
    const char *at = text + strspn(text, "+-");

    if (at > text + 1)
        return false;
    if (text_is_any(at, (const char *const[]){ ".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN", NULL }))
        return true;
    if (at[0] == '0' && at[1] == 'x')
        return at[2] && at[2 + digits(at + 2, "0123456789abcdefABCDEF")] == '\0';
    if (at[0] == '0' && at[1] == 'b')
        return at[2] && at[2 + digits(at + 2, "01")] == '\0';
    size_t whole = digits(at, decimal);
    if (whole > 0 && !at[whole])
        return at[0] != '0' || at[digits(at, "01234567")] == '\0';
    if (at[whole] != '.' || (whole == 0 && !isdigit((unsigned char)at[1])))
        return whole > 0 && is_time(at);
    at += whole + 1;
    at += strspn(at, decimal);
    if ((at[0] == 'e' || at[0] == 'E') && (at[1] == '+' || at[1] == '-'))
        at += 2 + strspn(at + 2, decimal);
    return !*at;
}

bool yaml_is_text(const struct yaml *y)
{
    bool flag;

    if (!y || y->type != YAML_SCALAR)
        return false;
    /* Most text begins like none of them. */
    return y->quoted || (yaml_bool(y, &flag) < 0 && (!strchr("+-.0123456789", *y->text) || !is_number(y->text)));
}

const char *yaml_type_name(const struct yaml *y)
{
    static const char *const names[] = {
        [YAML_NULL] = "nothing",
        [YAML_SCALAR] = "text",
        [YAML_LIST] = "a list",
        [YAML_MAP] = "a map",
    };
    return names[y ? y->type : YAML_NULL];
}

int yaml_error(struct err *e, enum err_kind kind, const char *file, const struct yaml *at, const char *fmt,
               ...)
{
    va_list ap;
    va_start(ap, fmt);
    auto_free char *text = xvasprintf(fmt, ap);
    va_end(ap);
    if (!at)
        return err_set(e, kind, 0, "%s: %s", file, text);
    return err_set(e, kind, 0, "%s:%d:%d: %s", file, at->line, at->column, text);
}
