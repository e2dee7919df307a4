/* stages/pipeline/ci_include.c: `include`: other files, whose members come before the file's own. */
#include "stages/pipeline/ci_include.h"

#include "base/file.h"
#include "base/text.h"
#include "stages/pipeline/ci_value.h"

#include <string.h>

/* GitLab's limit for one. */
#define FILE_MAX ((size_t)2 << 20)

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

int ci_include_without(const struct including *x, const struct yaml *at, const char *what, struct err *e)
{
    auto_free char *shown = text_quote(what);

    if (x->inputs_only)
        return yaml_error(e, ERR_JOB, at->file, at, "`include`%s", shown);
    if (!x->world || !x->world->goes_without)
        return yaml_error(e, ERR_JOB, at->file, at, "`include`%s; jobs that are named run without it", shown);
    strvec_pushf(&x->tree->missing, "%s:%d:%d: `include`%s; until then it is left out", at->file, at->line, at->column, shown);
    return 1;
}

static int no_file(const struct including *x, const struct yaml *at, const char *path, struct err *e)
{
    auto_free char *copy = x->folder ? xasprintf(": there is no copy `%s/%s`; put one there", x->folder, path) : NULL;
    auto_free char *shown = text_quote(path);

    if (copy)
        return ci_include_without(x, at, copy, e);
    return yaml_error(e, ERR_JOB, at->file, at, "`include`: there is no file `%s` in the project", shown);
}

/* 1: it is missing, and the others follow without it. */
static int read_included(const struct including *x, const struct yaml *at, const char *path, const char *name,
                         char **text, size_t *len, struct err *e)
{
    const struct project_files *files = x->world->files;
    auto_err problem = ERR_INIT;
    int rc = x->folder ? file_read(name, FILE_MAX, text, len, &problem)
                       : files->read(files->ctx, path, FILE_MAX, text, len, &problem);

    if (rc == 0)
        return 0;
    if (problem.kind == ERR_NOT_FOUND)
        return no_file(x, at, path, e);
    return yaml_error(e, ERR_JOB, at->file, at, "`include`: %s", err_text(&problem));
}

static int add_inputs(struct including *x, const char *name, const char *text, size_t len, struct yaml *sum, struct err *e)
{
    auto_yaml *inputs = NULL;

    strvec_push(&x->tree->names, name);
    if (ci_inputs_alone(x->tree->names.items[x->tree->names.n - 1], text, len, &inputs, e) < 0 ||
        (inputs && ci_tree_pay(x->tree, inputs, e) < 0))
        return -1;
    return ci_inputs_add(sum, take(&inputs), e);
}

int ci_include_file(struct including *x, const struct yaml *at, const char *path, struct yaml *sum, struct err *e)
{
    auto_free char *text = NULL;
    auto_free char *name = x->folder ? xasprintf("%s/%s", x->folder, path) : xasprintf("%s%s", x->world->files->prefix, path);
    const char *known_as = x->folder ? name : path;
    auto_yaml *root = NULL;
    size_t len = 0;

    if (strvec_has(&x->open, known_as))
        return refuse_circle(x, at, known_as, e);
    if (x->tree->files++ == CI_INCLUDES_MAX)
        return yaml_error(e, ERR_JOB, at->file, at, "more than %zu files are included", CI_INCLUDES_MAX);
    int missing = read_included(x, at, path, name, &text, &len, e);
    if (missing)
        return missing < 0 ? -1 : 0;
    if (x->inputs_only)
        return add_inputs(x, name, text, len, sum, e);
    x->given.folder = x->folder;
    root = ci_tree_load(x->tree, x->world, name, text, len, &x->given, e);
    if (!root)
        return -1;
    auto_free char *shown = text_quote(name);
    if (root->type == YAML_NULL)
        return yaml_error(e, ERR_JOB, at->file, at, "the included file `%s` is empty", shown);
    if (root->type != YAML_MAP)
        return yaml_error(e, ERR_JOB, root->file, root, "an included file must be a map of keywords and jobs, not %s",
                          yaml_type_name(root));
    strvec_push(&x->open, known_as);
    const struct ci_given given = x->given;
    int rc = put_includes(x, &root, e);
    x->given = given;
    free(x->open.items[--x->open.n]);
    x->open.items[x->open.n] = NULL;
    if (rc == 0)
        yaml_merge(sum, take(&root));
    return rc;
}

/* What is too much is not said of each entry that comes after it. */
static bool ends(const struct including *x, struct err *e)
{
    return x->inputs_only || x->tree->files > CI_INCLUDES_MAX || x->tree->budget == 0 || !ci_tree_noted(x->tree, e);
}

static int add_entries(struct including *x, const struct yaml *include, struct yaml *sum, struct err *e)
{
    if (include->type != YAML_LIST || include->tag)
        return ci_include_entry(x, include, sum, e);
    for (size_t i = 0; i < include->n; i++)
        if (ci_include_entry(x, include->items[i], sum, e) < 0 && ends(x, e))
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
    struct including x = { .tree = t, .world = w, .rules = { .files = w ? w->files : NULL }, .open = STRVEC_INIT };

    strvec_push(&x.open, ".gitlab-ci.yml");
    int rc = put_includes(&x, &t->root, e);
    strvec_release(&x.open);
    path_answers_release(&x.rules.answers);
    return rc;
}

/* Those of the files come first, in their order. */
static int gather_inputs(struct including *x, const struct ci_given *given, struct yaml *spec, struct err *e)
{
    auto_yaml *include = yaml_take(spec, "include");
    auto_yaml *own = yaml_take(spec, "inputs");
    struct yaml *sum = xcalloc(1, sizeof(*sum));

    *sum = (struct yaml){ .type = YAML_MAP, .file = include->file, .line = include->line, .column = include->column,
                          .key = xstrdup("inputs") };
    yaml_append(spec, sum);
    if (given->component)
        return yaml_error(e, ERR_JOB, include->file, include, "`include` in `spec` is not for components");
    if (!ci_absent(include) && add_entries(x, include, sum, e) < 0)
        return -1;
    return ci_inputs_add(sum, take(&own), e);
}

int ci_include_inputs(struct ci_tree *t, const struct ci_world *w, const struct ci_given *given, struct yaml *header,
                      struct err *e)
{
    struct including x = { .tree = t, .world = w, .folder = given->folder, .inputs_only = true, .open = STRVEC_INIT };

    if (!yaml_get(yaml_get(header, "spec"), "include"))
        return 0;
    struct yaml *spec = yaml_take(header, "spec");
    yaml_append(header, spec);
    return gather_inputs(&x, given, spec, e);
}
