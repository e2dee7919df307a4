/* base/yaml_edit.c: trees that are put together from others. */
#include "base/yaml.h"

#include <string.h>

/* Maps up to this size are searched member by member. */
#define SMALL ((size_t)16)

/* Capacities are the powers of two, so the count alone says when to grow. */
void yaml_append(struct yaml *parent, struct yaml *item)
{
    if ((parent->n & (parent->n - 1)) == 0)
        parent->items = xreallocarray(parent->items, parent->n ? parent->n * 2 : 1, sizeof(*parent->items));
    parent->items[parent->n++] = item;
}

struct yaml *yaml_copy(const struct yaml *from, size_t *budget)
{
    if (*budget == 0)
        return NULL;
    --*budget;
    auto_yaml *y = xmalloc(sizeof(*y));
    *y = *from;
    y->tag = xstrdup(from->tag);
    y->text = xstrdup(from->text);
    y->key = xstrdup(from->key);
    y->items = NULL;
    y->n = 0;
    for (size_t i = 0; i < from->n; i++) {
        struct yaml *item = yaml_copy(from->items[i], budget);
        if (!item)
            return NULL;
        yaml_append(y, item);
    }
    return take(&y);
}

void yaml_become(struct yaml *y, struct yaml *from)
{
    struct yaml old = *y;

    *y = *from;
    y->key = old.key;
    y->key_line = old.key_line;
    y->key_column = old.key_column;
    old.key = from->key;
    *from = old;
    yaml_tree_free(from);
}

/* ---- Members by key ---- */

static int compare(const void *a, const void *b)
{
    return strcmp((*(struct yaml *const *)a)->key, (*(struct yaml *const *)b)->key);
}

static int compare_key(const void *key, const void *member)
{
    return strcmp(key, (*(struct yaml *const *)member)->key);
}

void yaml_index_make(struct yaml_index *x, const struct yaml *map)
{
    *x = (struct yaml_index){ NULL, 0 };
    if (!map || map->type != YAML_MAP || map->n == 0)
        return;
    x->n = map->n;
    x->members = xcalloc(x->n, sizeof(*x->members));
    memcpy(x->members, map->items, x->n * sizeof(*x->members));
    qsort(x->members, x->n, sizeof(*x->members), compare);
}

bool yaml_index_find(const struct yaml_index *x, const char *key, size_t *at)
{
    struct yaml *const *found = x->n ? bsearch(key, x->members, x->n, sizeof(*x->members), compare_key) : NULL;

    if (found)
        *at = (size_t)(found - x->members);
    return found != NULL;
}

struct yaml *yaml_index_get(const struct yaml_index *x, const char *key)
{
    size_t at;

    return yaml_index_find(x, key, &at) ? x->members[at] : NULL;
}

void yaml_index_release(struct yaml_index *x)
{
    free(x->members);
    *x = (struct yaml_index){ NULL, 0 };
}

/* ---- Merging ---- */

static struct yaml *find(const struct yaml *map, const char *key)
{
    for (size_t i = 0; i < map->n; i++)
        if (strcmp(map->items[i]->key, key) == 0)
            return map->items[i];
    return NULL;
}

static bool is_plain_map(const struct yaml *y)
{
    return y->type == YAML_MAP && !y->tag;
}

static void merge_member(struct yaml *into, struct yaml *there, struct yaml *member)
{
    if (!there) {
        yaml_append(into, member);
    } else if (is_plain_map(there) && is_plain_map(member)) {
        /* Who wrote it last is whom a message about it means. */
        there->file = member->file;
        there->line = member->line;
        there->column = member->column;
        there->key_line = member->key_line;
        there->key_column = member->key_column;
        yaml_merge(there, member);
    } else {
        there->key_line = member->key_line;
        there->key_column = member->key_column;
        yaml_become(there, member);
    }
}

void yaml_merge(struct yaml *into, struct yaml *from)
{
    auto_yaml_index index = { NULL, 0 };
    bool small = into->n <= SMALL;

    if (!small)
        yaml_index_make(&index, into);
    for (size_t i = 0; i < from->n; i++) {
        struct yaml *member = from->items[i];
        merge_member(into, small ? find(into, member->key) : yaml_index_get(&index, member->key), member);
    }
    from->n = 0;
    yaml_tree_free(from);
}

struct yaml *yaml_take(struct yaml *map, const char *key)
{
    for (size_t i = 0; map->type == YAML_MAP && i < map->n; i++) {
        struct yaml *member = map->items[i];
        if (strcmp(member->key, key) != 0)
            continue;
        memmove(map->items + i, map->items + i + 1, (map->n - i - 1) * sizeof(*map->items));
        map->n--;
        return member;
    }
    return NULL;
}
