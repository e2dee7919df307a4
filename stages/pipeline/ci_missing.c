/* stages/pipeline/ci_missing.c: a pipeline of which parts are on a server alone, without them. */
#include "stages/pipeline/ci_tree.h"

#include "base/text.h"
#include "stages/pipeline/keyword.h"

#include <string.h>

/* A node that could not be followed goes, and what it leaves empty goes with it. Returns whether there was any. */
static bool prune(struct yaml *y)
{
    bool found = false;
    size_t kept = 0;

    for (size_t i = 0; i < y->n; i++) {
        struct yaml *item = y->items[i];
        bool is_left = item->tag && strcmp(item->tag, "!reference") == 0;
        if (!is_left && prune(item)) {
            found = true;
            is_left = item->n == 0;
        }
        if (is_left)
            yaml_tree_free(item);
        else
            y->items[kept++] = item;
        found |= is_left;
    }
    y->n = kept;
    return found;
}

/* It may be no more than an addition to a job of that name in a file that is missing. */
static bool has_no_work(struct ci_tree *t, const struct yaml *y)
{
    auto_free char *name = text_quote(y->key);

    if (y->type != YAML_MAP || *y->key == '.' || keyword_find(y->key, IN_FILE) || yaml_get(y, "script") ||
        yaml_get(y, "trigger") || yaml_get(y, "run"))
        return false;
    if (t->missing.n < CI_MISSING_MAX)
        strvec_pushf(&t->missing, "%s:%d:%d: job `%s` has no `script` in the files that are here", y->file, y->key_line,
                     y->key_column, name);
    return true;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A job that extends another one keeps that one's `extends` where it is in none of the files. */
void ci_missing_prune(struct ci_tree *t)
{
    for (size_t i = 0; i < t->root->n; i++) {
        struct yaml *y = t->root->items[i];
        bool lacks_some = prune(y) || yaml_get(y, "extends");
        if (lacks_some || has_no_work(t, y))
            strvec_push(&t->parts, y->key);
    }
    if (t->parts.n > 0)
        qsort(t->parts.items, t->parts.n, sizeof(*t->parts.items), compare);
}

bool ci_missing_part(const struct ci_tree *t, const char *job)
{
    return t->parts.n > 0 && bsearch(&job, t->parts.items, t->parts.n, sizeof(*t->parts.items), compare);
}
