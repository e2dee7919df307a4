/* stages/pipeline/ci_extends.c: `extends`: a job that begins as a copy of others. */
#include "stages/pipeline/ci_tree.h"

#include "base/text.h"

#include <string.h>

/* How far up a job's parents go; 0: nobody has looked. */
#define UNDERWAY ((size_t)-1)
/* What is wrong with it has been said. */
#define BROKEN ((size_t)-2)

struct extending {
    struct ci_tree *tree;
    struct yaml_index jobs;
    size_t *levels; /* by the index's places: 1 for a job that extends nothing */
    const struct yaml *chain[CI_EXTENDS_MAX + 2]; /* from the first job to the one looked at */
    size_t n;
};

static int job_extends(struct extending *x, size_t at, struct err *e);

static int no_parent(const struct extending *x, const struct yaml *job, const struct yaml *name, struct err *e)
{
    auto_strvec known = STRVEC_INIT;
    auto_free char *shown_job = text_quote(job->key);
    auto_free char *shown = text_quote(name->text);

    for (size_t i = 0; ci_tree_seeks(x->tree, x->jobs.n) && i < x->jobs.n; i++)
        if (x->jobs.members[i]->type == YAML_MAP)
            strvec_push(&known, x->jobs.members[i]->key);
    const char *near = text_nearest(name->text, (const char *const *)strvec_list(&known));
    return yaml_error(e, ERR_JOB, name->file, name, "`%s` extends `%s`, and there is no such job%s%s%s", shown_job, shown,
                      near ? "; did you mean `" : "", near ? near : "", near ? "`?" : "");
}

static int refuse_circle(const struct extending *x, const struct yaml *again, const struct yaml *name, struct err *e)
{
    auto_strvec names = STRVEC_INIT;
    size_t i = 0;

    while (i < x->n && x->chain[i] != again)
        i++;
    for (; i < x->n; i++)
        strvec_give(&names, text_quote(x->chain[i]->key));
    strvec_give(&names, text_quote(again->key));
    auto_free char *circle = strvec_join(&names, " -> ");
    return yaml_error(e, ERR_JOB, name->file, name, "`extends` leads back to where it began: %s", circle);
}

static bool is_there(const struct extending *x, const struct yaml *name, size_t *at)
{
    return yaml_index_find(&x->jobs, name->text, at) && x->jobs.members[*at]->type == YAML_MAP;
}

/* The parent, with all that it extends, merged into what there is of others. */
static int add_parent(struct extending *x, const struct yaml *job, const struct yaml *name, struct yaml **sum,
                      size_t *level, struct err *e)
{
    size_t at;

    if (name->type != YAML_SCALAR || name->tag)
        return yaml_error(e, ERR_JOB, name->file, name, "`extends` is %s here; it must be a job's name, or a list of them",
                          yaml_type_name(name));
    if (!is_there(x, name, &at)) {
        (void)no_parent(x, job, name, e);
        return ci_tree_excused(x->tree, e) ? 0 : -1;
    }
    if (x->levels[at] == UNDERWAY)
        return refuse_circle(x, x->jobs.members[at], name, e);
    if (x->levels[at] == BROKEN)
        return 0;
    if (x->levels[at] == 0 && job_extends(x, at, e) < 0)
        return -1;
    if (x->levels[at] >= *level)
        *level = x->levels[at] + 1;
    struct yaml *copy = yaml_copy(x->jobs.members[at], &x->tree->budget);
    if (!copy)
        return ci_tree_too_large(name, e);
    if (*sum)
        yaml_merge(*sum, copy);
    else
        *sum = copy;
    return 0;
}

static int add_parents(struct extending *x, const struct yaml *job, const struct yaml *names, struct yaml **sum,
                       size_t *level, struct err *e)
{
    if (names->type != YAML_LIST || names->tag)
        return add_parent(x, job, names, sum, level, e);
    for (size_t i = 0; i < names->n; i++)
        if (add_parent(x, job, names->items[i], sum, level, e) < 0)
            return -1;
    return 0;
}

/* What the job itself says has the last word. */
static void put_own(struct yaml *job, struct yaml *sum)
{
    struct yaml *own = xmalloc(sizeof(*own));
    struct yaml place = *job;

    *own = *job;
    own->key = NULL;
    job->items = NULL;
    job->n = 0;
    job->tag = NULL;
    yaml_merge(sum, own);
    yaml_become(job, sum);
    job->file = place.file;
    job->line = place.line;
    job->column = place.column;
}

static int merge_parents(struct extending *x, struct yaml *job, const struct yaml *names, size_t *level, struct err *e)
{
    auto_yaml *sum = NULL;

    if (add_parents(x, job, names, &sum, level, e) < 0)
        return -1;
    if (*level > CI_EXTENDS_MAX + 1)
        return yaml_error(e, ERR_JOB, names->file, names, "`extends` goes over more than %zu levels", CI_EXTENDS_MAX);
    if (sum)
        put_own(job, take(&sum));
    return 0;
}

/* What is in none of the files stays, for whoever looks, and for those that extend this job. */
static void keep_missing(struct extending *x, struct yaml *job, struct yaml *names)
{
    size_t at, n = names->type == YAML_LIST ? names->n : 1;

    for (size_t i = 0; i < n; i++) {
        const struct yaml *name = names->type == YAML_LIST ? names->items[i] : names;
        if (is_there(x, name, &at) || yaml_get(job, "extends"))
            continue;
        struct yaml *copy = yaml_copy(name, &x->tree->budget);
        if (!copy)
            return;
        free(copy->key);
        copy->key = xstrdup("extends");
        copy->key_line = names->key_line;
        copy->key_column = names->key_column;
        yaml_append(job, copy);
    }
}

static int job_extends(struct extending *x, size_t at, struct err *e)
{
    struct yaml *job = x->jobs.members[at];
    auto_yaml *names = yaml_take(job, "extends");
    size_t level = 1;

    if (names && strcmp(job->key, "default") == 0)
        return yaml_error(e, ERR_JOB, names->file, names, "`default` cannot have `extends`; write the keywords out, or let the "
                          "jobs extend one");
    if (names && x->n > CI_EXTENDS_MAX)
        return yaml_error(e, ERR_JOB, names->file, names, "`extends` goes over more than %zu levels", CI_EXTENDS_MAX);
    if (names && names->type != YAML_NULL) {
        x->levels[at] = UNDERWAY;
        x->chain[x->n++] = job;
        if (merge_parents(x, job, names, &level, e) < 0)
            return -1;
        x->n--;
        if (x->tree->missing.n > 0)
            keep_missing(x, job, names);
    }
    x->levels[at] = level;
    return 0;
}

static bool goes_on(struct extending *x, struct err *e)
{
    if (x->tree->budget == 0 || !ci_tree_noted(x->tree, e))
        return false;
    for (size_t i = 0; i < x->jobs.n; i++)
        if (x->levels[i] == UNDERWAY)
            x->levels[i] = BROKEN;
    x->n = 0;
    return true;
}

int ci_extends(struct ci_tree *t, struct err *e)
{
    struct extending x = { .tree = t };
    int rc = 0;

    yaml_index_make(&x.jobs, t->root);
    x.levels = xcalloc(x.jobs.n + 1, sizeof(*x.levels));
    for (size_t i = 0; rc == 0 && i < x.jobs.n; i++)
        if (x.levels[i] == 0 && x.jobs.members[i]->type == YAML_MAP && job_extends(&x, i, e) < 0 && !goes_on(&x, e))
            rc = -1;
    free(x.levels);
    yaml_index_release(&x.jobs);
    return rc;
}
