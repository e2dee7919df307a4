/* stages/pipeline/ci_include.c: `include`: other files, whose members come before the file's own. */
#include "stages/pipeline/ci_tree.h"

#include "base/text.h"
#include "stages/pipeline/ci_value.h"

#include <string.h>

struct including {
    struct ci_tree *tree;
    const struct ci_world *world;
    size_t files;       /* included so far */
    struct strvec open; /* from the first file to the one that is read: its includes are being put in */
};

static int put_includes(struct including *x, struct yaml **root, struct err *e);

static int refuse_circle(const struct including *x, const struct yaml *at, const char *path, struct err *e)
{
    auto_strvec names = STRVEC_INIT;
    size_t i = 0;

    while (strcmp(x->open.items[i], path) != 0)
        i++;
    for (; i < x->open.n; i++)
        strvec_give(&names, text_quote(x->open.items[i]));
    strvec_give(&names, text_quote(path));
    auto_free char *circle = strvec_join(&names, " -> ");
    return yaml_error(e, ERR_JOB, at->file, at, "`include` leads back to where it began: %s", circle);
}

static int read_included(const struct including *x, const struct yaml *at, const char *path, char **text, size_t *len,
                         struct err *e)
{
    const struct project_files *files = x->world->files;
    auto_free char *shown = text_quote(path);
    auto_err problem = ERR_INIT;

    if (files->read(files->ctx, path, (size_t)2 << 20, text, len, &problem) == 0)
        return 0;
    if (problem.kind == ERR_NOT_FOUND)
        return yaml_error(e, ERR_JOB, at->file, at, "`include`: there is no file `%s` in the project", shown);
    return yaml_error(e, ERR_JOB, at->file, at, "`include` of `%s`: %s", shown, err_text(&problem));
}

/* A file with all that it includes itself, merged over what others brought. */
static int add_file(struct including *x, const struct yaml *at, const char *path, struct yaml *sum, struct err *e)
{
    auto_free char *text = NULL;
    auto_free char *name = xasprintf("%s%s", x->world->files->prefix, path);
    auto_yaml *root = NULL;
    size_t len = 0;

    if (strvec_has(&x->open, path))
        return refuse_circle(x, at, path, e);
    if (x->files++ == CI_INCLUDES_MAX)
        return yaml_error(e, ERR_JOB, at->file, at, "more than %zu files are included", CI_INCLUDES_MAX);
    if (read_included(x, at, path, &text, &len, e) < 0)
        return -1;
    root = ci_tree_load(x->tree, name, text, len, e);
    if (!root)
        return -1;
    if (root->type == YAML_NULL)
        return 0;
    if (root->type != YAML_MAP)
        return yaml_error(e, ERR_JOB, root->file, root, "an included file must be a map of keywords and jobs, not %s",
                          yaml_type_name(root));
    strvec_push(&x->open, path);
    int rc = put_includes(x, &root, e);
    free(x->open.items[--x->open.n]);
    x->open.items[x->open.n] = NULL;
    if (rc == 0)
        yaml_merge(sum, take(&root));
    return rc;
}

static bool has_yaml_name(const char *path)
{
    return text_ends(path, ".yml") || text_ends(path, ".yaml");
}

static int add_matching(struct including *x, const struct yaml *at, const char *pattern, struct yaml *sum, struct err *e)
{
    const struct project_files *files = x->world->files;
    const struct strvec *all = files->list(files->ctx, e);

    if (!all)
        return -1;
    for (size_t i = 0; i < all->n; i++)
        if (has_yaml_name(all->items[i]) && path_wildcard_matches(pattern, all->items[i]) &&
            add_file(x, at, all->items[i], sum, e) < 0)
            return -1;
    return 0;
}

static int add_local(struct including *x, const struct yaml *at, struct yaml *sum, struct err *e)
{
    auto_free char *whole = NULL;

    if (at->type != YAML_SCALAR || !*at->text || at->tag)
        return yaml_error(e, ERR_JOB, at->file, at, "`local` is %s here; it must be a file's path", yaml_type_name(at));
    if (!x->world || !x->world->files)
        return yaml_error(e, ERR_JOB, at->file, at, "nothing can be included here: this file belongs to no project");
    if (variables_expand(x->world->variables, at->text, &whole, e) < 0)
        return -1;
    const char *path = whole + strspn(whole, "/");
    auto_free char *shown = text_quote(whole);
    if (!has_yaml_name(path))
        return yaml_error(e, ERR_JOB, at->file, at, "`include` of `%s`: a file's name must end in .yml or .yaml", shown);
    auto_free char *slashes = xasprintf("/%s/", path);
    if (strstr(slashes, "/../"))
        return yaml_error(e, ERR_JOB, at->file, at, "`include` of `%s`: a path begins at the project's top, without `..`", shown);
    return strchr(path, '*') ? add_matching(x, at, path, sum, e) : add_file(x, at, path, sum, e);
}

/* ---- Entries ---- */

/* What only a server could fetch. */
static const struct {
    const char *key, *text;
} foreign[] = {
    { "project", "another project's files are on the server" },
    { "remote", "nothing is fetched from elsewhere" },
    { "template", "GitLab's templates are on the server" },
    { "component", "components are on the server" },
    { "artifact", "another job's files are not there yet" },
};

static int refuse_foreign(const struct yaml *at, const char *what, const char *why, struct err *e)
{
    return yaml_error(e, ERR_JOB, at->file, at,
                      "`include` of a `%s` is not supported: %s; copy the file into this project and include it by `local`",
                      what, why);
}

static int check_entry(const struct yaml *entry, struct err *e)
{
    static const char *const known[] = { "local", "rules", NULL };

    for (size_t i = 0; i < ARRAY_SIZE(foreign); i++) {
        const struct yaml *y = yaml_get(entry, foreign[i].key);
        if (y)
            return refuse_foreign(y, foreign[i].key, foreign[i].text, e);
    }
    for (size_t i = 0; i < entry->n; i++) {
        const struct yaml *y = entry->items[i];
        if (text_is_any(y->key, known))
            continue;
        auto_free char *shown = text_quote(y->key);
        return yaml_error(e, ERR_JOB, y->file, y, "`%s` is not supported in `include`", shown);
    }
    if (!yaml_get(entry, "local"))
        return yaml_error(e, ERR_JOB, entry->file, entry, "an `include` wants a `local`: a file's path in this project");
    return 0;
}

/* By what is known of the pipeline before the file is read: its own variables are not there yet. */
static int judge_rules(struct including *x, const struct yaml *y, bool *wanted, struct err *e)
{
    __attribute__((cleanup(ci_rules_release))) struct ci_rules rules = { 0 };
    const struct ci_reader r = { NULL, NULL, &x->tree->notes, NULL };
    const struct variables none = VARIABLES_INIT;
    const struct expression_scope scope = { x->world ? x->world->variables : &none, NULL };
    struct rule_world w = { .files = x->world ? x->world->files : NULL };
    const struct ci_rule *rule = NULL;

    if (ci_rules(&r, y, IN_INCLUDE_RULE, &rules, e) < 0 || ci_rules_choose(&rules, &w, &scope, &rule, e) < 0)
        return -1;
    if (rules.given)
        *wanted = rule && !(rule->has_when && rule->when == WHEN_NEVER);
    if (w.unknown_changes)
        strvec_pushf(&x->tree->notes, "%s:%d:%d: `changes`: every file counts as changed: this checkout knows of no earlier "
                     "push", y->file, y->line, y->column);
    return 0;
}

static int add_entry(struct including *x, const struct yaml *entry, struct yaml *sum, struct err *e)
{
    if (entry->type == YAML_SCALAR && (text_starts(entry->text, "https://") || text_starts(entry->text, "http://")))
        return refuse_foreign(entry, "remote", foreign[1].text, e);
    if (entry->type == YAML_SCALAR && !entry->tag)
        return add_local(x, entry, sum, e);
    if (entry->type != YAML_MAP || entry->tag)
        return yaml_error(e, ERR_JOB, entry->file, entry, "`include` has %s here; it must be a path, or a map with `local`",
                          yaml_type_name(entry));
    if (check_entry(entry, e) < 0)
        return -1;
    bool wanted = true;
    if (judge_rules(x, yaml_get(entry, "rules"), &wanted, e) < 0)
        return -1;
    return wanted ? add_local(x, yaml_get(entry, "local"), sum, e) : 0;
}

static int add_entries(struct including *x, const struct yaml *include, struct yaml *sum, struct err *e)
{
    if (include->type != YAML_LIST || include->tag)
        return add_entry(x, include, sum, e);
    for (size_t i = 0; i < include->n; i++)
        if (add_entry(x, include->items[i], sum, e) < 0)
            return -1;
    return 0;
}

/* The file's own members have the last word. */
static int put_includes(struct including *x, struct yaml **root, struct err *e)
{
    auto_yaml *include = yaml_take(*root, "include");
    auto_yaml *sum = NULL;

    if (!include || include->type == YAML_NULL)
        return 0;
    sum = xcalloc(1, sizeof(*sum));
    sum->type = YAML_MAP;
    sum->file = (*root)->file;
    sum->line = (*root)->line;
    sum->column = (*root)->column;
    if (add_entries(x, include, sum, e) < 0)
        return -1;
    yaml_merge(sum, *root);
    *root = take(&sum);
    return 0;
}

int ci_include(struct ci_tree *t, const struct ci_world *w, struct err *e)
{
    struct including x = { .tree = t, .world = w, .open = STRVEC_INIT };

    strvec_push(&x.open, ".gitlab-ci.yml");
    int rc = put_includes(&x, &t->root, e);
    strvec_release(&x.open);
    return rc;
}
