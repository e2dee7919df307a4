/* stages/pipeline/ci_reference.c: `!reference [job, keyword]`: a copy of what stands elsewhere. */
#include "stages/pipeline/ci_tree.h"

#include "base/number.h"
#include "base/text.h"

#include <string.h>

struct referring {
    struct ci_tree *tree;
    struct yaml_index top;
    char *chain[CI_REFERENCES_MAX]; /* the references that are being followed, as they are written */
    size_t n;
    bool is_nowhere; /* the problem is that it could not be found */
};

static int resolve(struct referring *r, struct yaml *y, struct err *e);

static bool is_reference(const struct yaml *y)
{
    return y->tag && strcmp(y->tag, "!reference") == 0;
}

/* "[.setup, script]"; NULL when it is no list of names. The caller's. */
static char *written(const struct yaml *y)
{
    auto_strvec names = STRVEC_INIT;

    if (y->type != YAML_LIST || y->n == 0)
        return NULL;
    for (size_t i = 0; i < y->n; i++) {
        if (y->items[i]->type != YAML_SCALAR || y->items[i]->tag)
            return NULL;
        strvec_give(&names, text_quote(y->items[i]->text));
    }
    auto_free char *list = strvec_join(&names, ", ");
    return xasprintf("[%s]", list);
}

static int check_chain(const struct referring *r, const struct yaml *y, const char *shown, struct err *e)
{
    for (size_t i = 0; i < r->n; i++)
        if (strcmp(r->chain[i], shown) == 0)
            return yaml_error(e, ERR_JOB, y->file, y, "`!reference %s` leads back to itself", shown);
    if (r->n == CI_REFERENCES_MAX)
        return yaml_error(e, ERR_JOB, y->file, y, "`!reference %s`: references more than %zu deep", shown,
                          CI_REFERENCES_MAX);
    return 0;
}

/* From the top of the file, name by name. A reference on the way is followed first. */
static struct yaml *find(struct referring *r, const struct yaml *path, struct err *e)
{
    struct yaml *at = yaml_index_get(&r->top, path->items[0]->text);

    for (size_t i = 1; at && i < path->n; i++) {
        if (is_reference(at) && resolve(r, at, e) < 0)
            return NULL;
        struct yaml *below = NULL;
        int64_t place;
        if (at->type == YAML_LIST && number_parse(path->items[i]->text, 0, (int64_t)at->n - 1, &place) == 0)
            below = at->items[place];
        for (size_t k = 0; at->type == YAML_MAP && k < at->n && !below; k++)
            if (strcmp(at->items[k]->key, path->items[i]->text) == 0)
                below = at->items[k];
        at = below;
    }
    if (at && at->type != YAML_NULL)
        return at;
    auto_free char *shown = written(path);
    r->is_nowhere = true;
    (void)yaml_error(e, ERR_JOB, path->file, path, "`!reference %s` could not be found", shown);
    return NULL;
}

static int follow(struct referring *r, struct yaml *y, struct err *e)
{
    auto_free char *shown = written(y);

    if (!shown)
        return yaml_error(e, ERR_JOB, y->file, y, "`!reference` wants a list of names: [JOB, KEYWORD]");
    if (check_chain(r, y, shown, e) < 0)
        return -1;
    r->chain[r->n++] = shown;
    r->is_nowhere = false;
    struct yaml *target = find(r, y, e);
    if (!target && r->is_nowhere && ci_tree_excused(r->tree, e)) {
        r->n--;
        return 0; /* it stays as it is written */
    }
    if (!target || resolve(r, target, e) < 0)
        return -1;
    r->n--;
    struct yaml *copy = yaml_copy(target, &r->tree->budget);
    if (!copy)
        return ci_tree_too_large(y, e);
    yaml_become(y, copy);
    return 0;
}

static int resolve(struct referring *r, struct yaml *y, struct err *e)
{
    if (is_reference(y))
        return follow(r, y, e);
    for (size_t i = 0; i < y->n; i++)
        if (resolve(r, y->items[i], e) < 0)
            return -1;
    return 0;
}

int ci_references(struct ci_tree *t, struct err *e)
{
    struct referring r = { .tree = t };

    yaml_index_make(&r.top, t->root);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < t->root->n; i++) {
        rc = resolve(&r, t->root->items[i], e);
        if (rc == 0 || t->budget == 0 || !ci_tree_noted(t, e))
            continue;
        r.n = 0;
        rc = 0;
    }
    yaml_index_release(&r.top);
    return rc;
}
