#include "stages/pipeline/ci_tree.h"

#include "base/text.h"

#include <string.h>

/* GitLab takes 2 MB and 100 levels a file. The nodes are what 256 MB of memory bear. */
#define NODES_MAX ((size_t)500000)
#define PROBLEMS_MAX ((size_t)100)
/* Names that are compared with those which are nowhere, all in all. */
#define SOUGHT_MAX ((size_t)50000)
static const struct yaml_limits limits = { .bytes = 2 << 20, .nodes = 200000, .depth = 100 };

int ci_tree_too_large(const struct yaml *at, struct err *e)
{
    return yaml_error(e, ERR_JOB, at->file, at, "the pipeline would have more than %zu values with this; split it",
                      NODES_MAX);
}

static size_t count(const struct yaml *y)
{
    size_t n = 1;

    for (size_t i = 0; i < y->n; i++)
        n += count(y->items[i]);
    return n;
}

/* Its lines stay where they are. */
static char *without_header(const char *text, size_t len)
{
    size_t header = ci_inputs_header(text, len);
    char *copy = xmalloc(len + 1);

    memcpy(copy, text, len);
    copy[len] = '\0';
    for (size_t i = 0; i < header; i++)
        if (copy[i] != '\n')
            copy[i] = ' ';
    return copy;
}

int ci_tree_pay(struct ci_tree *t, const struct yaml *y, struct err *e)
{
    size_t n = count(y);
    bool suffices = n <= t->budget;

    t->budget = suffices ? t->budget - n : 0;
    return suffices ? 0 : ci_tree_too_large(y, e);
}

struct yaml *ci_tree_load(struct ci_tree *t, const struct ci_world *w, const char *name, const char *text, size_t len,
                          const struct ci_given *given, struct err *e)
{
    static const struct ci_given nothing = { .map = NULL };
    auto_yaml *root = NULL;
    auto_ci_inputs inputs = { 0 };

    strvec_push(&t->names, name);
    name = t->names.items[t->names.n - 1];
    given = given ? given : &nothing;
    if (ci_inputs_open(name, text, len, &inputs, e) < 0 || ci_include_inputs(t, w, given, inputs.header, e) < 0 ||
        ci_inputs_read(name, given, &inputs, e) < 0)
        return NULL;
    for (size_t i = 0; inputs.header && i < inputs.header->n; i++) {
        const struct yaml *y = inputs.header->items[i];
        auto_free char *key = text_quote(y->key);
        if (strcmp(y->key, "spec") != 0)
            strvec_pushf(&t->notes, "%s:%d:%d: keyword `%s` has no effect here: this document is for `spec` alone", y->file,
                         y->key_line, y->key_column, key);
    }
    if (given->map && given->may_be_unused && !inputs.header)
        strvec_pushf(&t->notes, "%s:%d:%d: keyword `inputs` in `include` has no effect here: the copy is taken as it is",
                     given->map->file, given->map->key_line, given->map->key_column);
    auto_free char *content = inputs.header ? without_header(text, len) : NULL;
    if (yaml_read_last(name, content ? content : text, len, &limits, &t->notes, &root, e) < 0 ||
        (inputs.header && ci_interpolate(root, &inputs, given->variables, &t->budget, e) < 0))
        return NULL;
    return ci_tree_pay(t, root, e) < 0 ? NULL : take(&root);
}

bool ci_tree_noted(struct ci_tree *t, struct err *e)
{
    if (!t->problems || t->problems->n >= PROBLEMS_MAX)
        return false;
    if (!strvec_has(t->problems, err_text(e)))
        strvec_push(t->problems, err_text(e));
    err_release(e);
    return true;
}

bool ci_tree_excused(struct ci_tree *t, struct err *e)
{
    if (t->missing.n == 0)
        return false;
    if (t->missing.n < CI_MISSING_MAX && !strvec_has(&t->missing, err_text(e)))
        strvec_push(&t->missing, err_text(e));
    err_release(e);
    return true;
}

bool ci_tree_seeks(const struct ci_tree *t, size_t names)
{
    return t->missing.n == 0 && (!t->problems || t->problems->n * names < SOUGHT_MAX);
}

int ci_tree_read(const char *name, const char *text, size_t len, const struct ci_world *w, struct ci_tree *t,
                 struct err *e)
{
    t->budget = NODES_MAX;
    t->root = ci_tree_load(t, w, name, text, len, w ? w->given : NULL, e);
    if (!t->root)
        return -1;
    if (t->root->type != YAML_MAP)
        return 0;
    if (ci_include(t, w, e) < 0)
        return -1;
    if (t->problems && t->problems->n > 0)
        return 0;
    if (ci_extends(t, e) < 0 || ci_references(t, e) < 0)
        return -1;
    if (t->missing.n > 0)
        ci_missing_prune(t);
    return 0;
}

void ci_tree_release(struct ci_tree *t)
{
    yaml_tree_free(t->root);
    strvec_release(&t->names);
    strvec_release(&t->notes);
    strvec_release(&t->missing);
    strvec_release(&t->parts);
    *t = (struct ci_tree)CI_TREE_INIT;
}
