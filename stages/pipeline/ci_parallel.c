/* stages/pipeline/ci_parallel.c: `parallel`: one job of the file, several of the pipeline. */
#include "stages/pipeline/ci_value.h"

#include "base/number.h"
#include "base/strbuf.h"
#include "base/text.h"
#include "stages/pipeline/scalar.h"

#include <string.h>

/* GitLab's. */
#define PARALLEL_MAX ((size_t)200)

/* One combination more: "a, b" for its name. */
struct combination {
    struct variables variables;
    struct strvec values;
};

static int too_many(const struct ci_reader *r, const struct yaml *y, struct err *e)
{
    return ci_problem(r, y, e, "`parallel` makes more than %zu jobs", PARALLEL_MAX);
}

/* "name: [a, b]" */
static char *name_of(const char *base, const struct combination *c)
{
    auto_free char *values = strvec_join(&c->values, ", ");
    return xasprintf("%s: [%s]", base, values);
}

static const struct yaml *const *values_of(const struct yaml *const *y, size_t *n)
{
    *n = (*y)->type == YAML_LIST ? (*y)->n : 1;
    return (*y)->type == YAML_LIST ? (const struct yaml *const *)(*y)->items : y;
}

static int check_value(const struct ci_reader *r, const struct yaml *value, const char *key, struct err *e)
{
    enum scalar_kind kind = scalar_kind(value);

    if (value->type != YAML_SCALAR || value->tag || (kind != SCALAR_TEXT && kind != SCALAR_INTEGER))
        return ci_wrong_type(r, value, key, "text or a whole number, or a list of them; quote what is another number", e);
    return 0;
}

static void add_combination(const char *base, const struct combination *c, struct ci_parallel *out)
{
    out->items = xreallocarray(out->items, out->n + 1, sizeof(*out->items));
    out->items[out->n] = (struct ci_instance){ .name = name_of(base, c) };
    variables_append(&out->items[out->n++].variables, &c->variables);
}

static void drop_last(struct combination *c)
{
    struct variable *v = &c->variables.items[--c->variables.n];

    free(v->key);
    free(v->value);
    free(c->values.items[--c->values.n]);
    c->values.items[c->values.n] = NULL;
}

static int too_long(const struct ci_reader *r, const struct yaml *value, struct err *e)
{
    return ci_problem(r, value, e, "a value has more than %zu KiB", VARIABLE_VALUE_MAX >> 10);
}

/* What `$[[ matrix.NAME ]]` stands for: the value in the job's own combination. `at`: after the "$[[". */
static int put_value(const struct ci_reader *r, const struct yaml *value, const char *at, size_t len, struct strbuf *out,
                     struct err *e)
{
    size_t blank = strspn(at, " ");
    const char *found = NULL;

    at += blank;
    len -= blank;
    while (len > 0 && at[len - 1] == ' ')
        len--;
    auto_free char *whole = xstrndup(at, len);
    auto_free char *shown = text_quote(whole);
    if (!text_starts(whole, "matrix."))
        return ci_problem(r, value, e, "`$[[ %s ]]`: only `matrix.NAME` can stand here", shown);
    if (r->matrix)
        found = variables_value(r->matrix, whole + strlen("matrix."));
    if (!found)
        return ci_problem(r, value, e, "`$[[ %s ]]`: the job's own `parallel:matrix` has no such variable", shown);
    return strbuf_add(out, found, strlen(found)) < 0 ? too_long(r, value, e) : 0;
}

static int value_of(const struct ci_reader *r, const struct yaml *value, char **out, struct err *e)
{
    auto_strbuf text = STRBUF_INIT(VARIABLE_VALUE_MAX);
    auto_free char *whole = scalar_value(value);
    const char *at = whole, *open, *end;

    while ((open = strstr(at, "$[[")) && (end = strstr(open, "]]"))) {
        if (strbuf_add(&text, at, (size_t)(open - at)) < 0)
            return too_long(r, value, e);
        if (put_value(r, value, open + 3, (size_t)(end - open) - 3, &text, e) < 0)
            return -1;
        at = end + 2;
    }
    if (strbuf_add(&text, at, strlen(at)) < 0)
        return too_long(r, value, e);
    *out = strbuf_take(&text);
    return 0;
}

/* Of each key from the `at`th on each value in turn: the last one changes fastest. */
static int combine(const struct ci_reader *r, const struct yaml *map, size_t at, struct combination *c,
                   struct ci_parallel *out, const char *base, struct err *e)
{
    if (at == map->n) {
        if (out->n == PARALLEL_MAX)
            return too_many(r, map, e);
        add_combination(base, c, out);
        return 0;
    }
    const struct yaml *member = map->items[at];
    size_t n;
    const struct yaml *const *values = values_of(&member, &n);
    if (n == 0)
        return ci_problem(r, member, e, "`%s` in `matrix` has no values", member->key);
    for (size_t i = 0; i < n; i++) {
        auto_free char *value = NULL;
        if (check_value(r, values[i], member->key, e) < 0 || value_of(r, values[i], &value, e) < 0)
            return -1;
        variables_add(&c->variables, member->key, value, VARIABLE_PUBLIC);
        strvec_push(&c->values, value);
        int rc = combine(r, map, at + 1, c, out, base, e);
        drop_last(c);
        if (rc < 0)
            return -1;
    }
    return 0;
}

static bool is_name(const char *key)
{
    return *key && !key[strspn(key, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")];
}

static int read_matrix(const struct ci_reader *r, const struct yaml *y, const char *base, struct ci_parallel *out,
                       struct err *e)
{
    if (ci_absent(y) || y->type != YAML_LIST || y->tag || y->n == 0)
        return ci_problem(r, y, e, "`matrix` is %s here; it must be a list of maps, NAME: values",
                          yaml_type_name(y));
    for (size_t i = 0; i < y->n; i++) {
        const struct yaml *map = y->items[i];
        struct combination c = { VARIABLES_INIT, STRVEC_INIT };
        if (map->type != YAML_MAP || map->tag || map->n == 0)
            return ci_wrong_type(r, map, "matrix", "a list of maps, NAME: values", e);
        for (size_t k = 0; k < map->n; k++)
            if (!is_name(map->items[k]->key))
                return ci_key_problem(r, map->items[k], e, "a variable's name has only letters, digits, _ and -");
        int rc = combine(r, map, 0, &c, out, base, e);
        variables_release(&c.variables);
        strvec_release(&c.values);
        if (rc < 0)
            return -1;
    }
    return 0;
}

static int read_count(const struct ci_reader *r, const struct yaml *y, const char *base, struct ci_parallel *out,
                      struct err *e)
{
    int64_t count;

    if (y->type != YAML_SCALAR || y->quoted || y->tag || number_parse(y->text, 1, (int64_t)PARALLEL_MAX, &count) < 0)
        return ci_problem(r, y, e, "`parallel` is a number from 1 to %zu, or a map with `matrix`", PARALLEL_MAX);
    out->items = xcalloc((size_t)count, sizeof(*out->items));
    for (int64_t i = 1; i <= count; i++)
        out->items[out->n++].name = xasprintf("%s %d/%d", base, (int)i, (int)count);
    return 0;
}

int ci_parallel(const struct ci_reader *r, const struct yaml *y, const char *base, struct ci_parallel *out, struct err *e)
{
    if (ci_absent(y))
        return 0;
    if (y->type != YAML_MAP || y->tag)
        return read_count(r, y, base, out, e);
    if (ci_check_keys(r, y, IN_PARALLEL, e) < 0)
        return -1;
    const struct yaml *matrix = yaml_get(y, "matrix");
    return matrix ? read_matrix(r, matrix, base, out, e) : ci_problem(r, y, e, "`parallel` has no `matrix`");
}

void ci_parallel_release(struct ci_parallel *p)
{
    for (size_t i = 0; i < p->n; i++) {
        free(p->items[i].name);
        variables_release(&p->items[i].variables);
    }
    free(p->items);
    *p = (struct ci_parallel){ 0 };
}

int ci_parallel_needed(const struct ci_reader *r, const struct yaml *y, const char *base, struct ci_parallel *out,
                       struct err *e)
{
    if (!ci_absent(y) && y->type != YAML_MAP)
        return ci_wrong_type(r, y, "parallel", "a map with `matrix`", e);
    return ci_parallel(r, y, base, out, e);
}
