#include "executor/config_read.h"

#include "base/text.h"

#include <string.h>

const struct key *key_find(const struct key *table, const char *name)
{
    for (; table->name; table++)
        if (strcmp(table->name, name) == 0)
            return table;
    return NULL;
}

void key_names(const struct key *table, struct strvec *out)
{
    for (; table->name; table++)
        strvec_push(out, table->name);
}

/* "unknown key 'x'; did you mean 'y'?", pointing at the key. */
int config_unknown_key(const char *file, const struct yaml *y, const struct strvec *words, struct err *e)
{
    struct yaml at = { .line = y->key_line, .column = y->key_column };
    auto_free char *shown = text_quote(y->key);
    const char *nearest = text_nearest(y->key, (const char *const *)strvec_list(words));

    if (nearest)
        return yaml_error(e, ERR_CONFIG, file, &at, "unknown key '%s'; did you mean '%s'?", shown, nearest);
    auto_free char *list = strvec_join(words, ", ");
    return yaml_error(e, ERR_CONFIG, file, &at, "unknown key '%s'; there are: %s", shown, list);
}

/* "memory: 'lots' must be a size …", pointing at the value. */
int config_bad_value(const char *file, const char *name, const struct yaml *y, const char *problem, struct err *e)
{
    if (y->type != YAML_SCALAR)
        return yaml_error(e, ERR_CONFIG, file, y, "%s: %s %s", name, yaml_type_name(y), problem);
    auto_free char *shown = text_quote(y->text);
    return yaml_error(e, ERR_CONFIG, file, y, "%s: '%s' %s", name, shown, problem);
}

int config_bad_part(const char *file, const char *name, const struct yaml *y, const char *problem,
                    bool (*fits)(const struct yaml *y, const void *arg), const void *arg, struct err *e)
{
    const char *shape = y->type == YAML_LIST ? "list" : "map";

    for (size_t i = 0; i < y->n && strstr(problem, shape); i++) {
        struct yaml alone = *y, *part = y->items[i];
        alone.items = &part;
        alone.n = 1;
        if (fits(&alone, arg))
            continue;
        auto_free char *shown = text_quote(part->key ? part->key : part->text ? part->text : "");
        return yaml_error(e, ERR_CONFIG, file, part, "%s: '%s' does not fit: %s", name, shown, problem);
    }
    return config_bad_value(file, name, y, problem, e);
}

struct place {
    const struct key *key;
    void *base;
};

static bool key_fits(const struct yaml *y, const void *arg)
{
    const struct place *p = arg;
    const char *problem;

    return p->key->read(y, (char *)p->base + p->key->offset, &problem) == 0;
}

int config_read_key(const char *file, const struct key *k, const struct yaml *y, void *base, struct err *e)
{
    const char *problem = "cannot be used";

    if (k->read(y, (char *)base + k->offset, &problem) == 0)
        return 0;
    struct place place = { k, base };
    return config_bad_part(file, k->name, y, problem, key_fits, &place, e);
}

int config_need_map(const char *file, const struct yaml *y, const char *what, struct err *e)
{
    if (y->type == YAML_MAP || y->type == YAML_NULL)
        return 0;
    return yaml_error(e, ERR_CONFIG, file, y, "%s must be a map of keys and values, not %s", what,
                      yaml_type_name(y));
}
