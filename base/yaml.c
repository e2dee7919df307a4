#include "base/yaml.h"

#include "base/text.h"

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
