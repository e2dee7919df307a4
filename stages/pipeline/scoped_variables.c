#include "stages/pipeline/variable_files.h"

#include <stdint.h>
#include <string.h>

/* `*` is any text. */
static bool matches(const char *pattern, const char *name)
{
    const char *star = NULL, *from = NULL;

    while (*name) {
        if (*pattern == '*') {
            star = ++pattern;
            from = name;
        } else if (*pattern == *name) {
            pattern++;
            name++;
        } else if (star) {
            pattern = star;
            name = ++from;
        } else {
            return false;
        }
    }
    return pattern[strspn(pattern, "*")] == '\0';
}

/* How much a scope says of the environment: 0: nothing fits, 1: it is for all of them. */
static size_t weight(const char *scope, const char *environment)
{
    if (strcmp(scope, "*") == 0)
        return 1;
    if (!environment || !matches(scope, environment))
        return 0;
    return strcmp(scope, environment) == 0 ? SIZE_MAX : 1 + strlen(scope);
}

static bool wins(const struct scoped_variable *a, const struct scoped_variable *b, const char *environment)
{
    size_t of_a = weight(a->scope, environment), of_b = weight(b->scope, environment);

    if (of_a == 0 || of_b == 0)
        return of_a > of_b;
    return a->layer != b->layer ? a->layer > b->layer : of_a != of_b ? of_a > of_b : a > b;
}

void scoped_variables_choose(const struct scoped_variables *s, const char *environment, struct variables *out)
{
    for (size_t i = 0; i < s->n; i++) {
        const struct scoped_variable *v = &s->items[i];
        bool best = weight(v->scope, environment) > 0;
        for (size_t k = 0; best && k < s->n; k++)
            best = k == i || strcmp(s->items[k].key, v->key) != 0 || wins(v, &s->items[k], environment);
        if (best)
            variables_add(out, v->key, v->value, v->flags);
    }
}

void scoped_variables_add(const struct scoped_variables *kept, const char *environment, const struct variables *all,
                          size_t n_kept, struct variables *out)
{
    if (environment)
        scoped_variables_choose(kept, environment, out);
    for (size_t i = environment ? n_kept : 0; i < all->n; i++)
        variables_add(out, all->items[i].key, all->items[i].value, all->items[i].flags);
}

void scoped_variables_release(struct scoped_variables *s)
{
    for (size_t i = 0; i < s->n; i++) {
        free(s->items[i].scope);
        free(s->items[i].key);
        free(s->items[i].value);
    }
    free(s->items);
    *s = (struct scoped_variables)SCOPED_VARIABLES_INIT;
}
