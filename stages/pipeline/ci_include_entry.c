/* stages/pipeline/ci_include_entry.c: one entry of `include`: where the files are that it means, and whether its rules want
 * them. */
#include "stages/pipeline/ci_include.h"

#include "base/text.h"
#include "stages/pipeline/ci_value.h"
#include "stages/pipeline/percent.h"

#include <string.h>

/* ---- From the project ---- */

static bool has_yaml_name(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot && (strcasecmp(dot, ".yml") == 0 || strcasecmp(dot, ".yaml") == 0);
}

static int add_matching(struct including *x, const struct yaml *at, const char *pattern, struct yaml *sum, struct err *e)
{
    const struct project_files *files = x->world->files;
    const struct strvec *all = x->folder ? NULL : files->list(files->ctx, e);

    if (x->folder)
        return yaml_error(e, ERR_JOB, at->file, at, "`include`: no patterns are followed in copies of other projects");
    if (!all)
        return -1;
    for (size_t i = 0; i < all->n; i++)
        if (has_yaml_name(all->items[i]) && path_wildcard_matches(pattern, all->items[i]) &&
            ci_include_file(x, at, all->items[i], sum, e) < 0)
            return -1;
    return 0;
}

/* A path as it is written, with its variables; *out begins at a project's top. */
static int read_path(const struct including *x, const struct yaml *at, const char *keyword, char **out, struct err *e)
{
    auto_free char *whole = NULL;

    if (at->type != YAML_SCALAR || !*at->text || at->tag)
        return yaml_error(e, ERR_JOB, at->file, at, "`%s` is %s here; it must be a path", keyword, yaml_type_name(at));
    if (!x->world || !x->world->files)
        return yaml_error(e, ERR_JOB, at->file, at, "nothing can be included here: this file belongs to no project");
    auto_free char *text = percent_names(at->text, x->world->variables);
    if (variables_expand(x->world->variables, text, &whole, e) < 0)
        return -1;
    auto_free char *shown = text_quote(whole);
    auto_free char *slashes = xasprintf("/%s/", whole);
    if (strstr(slashes, "/../"))
        return yaml_error(e, ERR_JOB, at->file, at, "`include` of `%s`: a path begins at the project's top, without `..`", shown);
    *out = xstrdup(whole + strspn(whole, "/"));
    return 0;
}

static int add_local(struct including *x, const struct yaml *at, struct yaml *sum, struct err *e)
{
    auto_free char *path = NULL;

    if (read_path(x, at, "local", &path, e) < 0)
        return -1;
    auto_free char *shown = text_quote(at->text);
    if (text_starts(path, "./"))
        return yaml_error(e, ERR_JOB, at->file, at, "`include` of `%s`: a path begins at the project's top, without `./`", shown);
    if (!has_yaml_name(path))
        return yaml_error(e, ERR_JOB, at->file, at, "`include` of `%s`: a file's name must end in .yml or .yaml", shown);
    return strchr(path, '*') ? add_matching(x, at, path, sum, e) : ci_include_file(x, at, path, sum, e);
}

/* ---- From elsewhere ---- */

/* Below the folder of copies, and `folder` in it, `local` means the same folder. */
static int add_copy(struct including *x, const struct yaml *at, const char *kind, const char *folder, const char *path,
                    struct yaml *sum, struct err *e)
{
    const char *outer = x->folder;
    auto_free char *whole = NULL;

    if (!x->world || !x->world->copies) {
        auto_free char *what = xasprintf(" of a `%s`: nothing is fetched from a server; keep a copy at DIR/%s%s%s/%s and "
                                         "give --includes DIR", kind, kind, folder ? "/" : "", folder ? folder : "", path);
        return ci_include_without(x, at, what, e) < 0 ? -1 : 0;
    }
    whole = xasprintf("%s/%s%s%s", x->world->copies, kind, folder ? "/" : "", folder ? folder : "");
    x->folder = whole;
    int rc = ci_include_file(x, at, path, sum, e);
    x->folder = outer;
    return rc;
}

static int add_template(struct including *x, const struct yaml *entry, const struct yaml *at, struct yaml *sum,
                        struct err *e)
{
    auto_free char *path = NULL;

    (void)entry;
    return read_path(x, at, "template", &path, e) < 0 ? -1 : add_copy(x, at, "template", NULL, path, sum, e);
}

/* What would choose among versions of it. */
static void note_unused(struct including *x, const struct yaml *y)
{
    if (y)
        strvec_pushf(&x->tree->notes, "%s:%d:%d: keyword `%s` in `include` has no effect here: the copy is taken as it is",
                     y->file, y->key_line, y->key_column, y->key);
}

/* https://HOST/PATH is at remote/HOST/PATH. */
static int add_remote(struct including *x, const struct yaml *entry, const struct yaml *at, struct yaml *sum, struct err *e)
{
    auto_free char *url = NULL;

    if (read_path(x, at, "remote", &url, e) < 0)
        return -1;
    note_unused(x, yaml_get(entry, "integrity"));
    const char *place = strstr(url, "://");
    const char *path = place ? place + 3 : url;
    return add_copy(x, at, "remote", NULL, path, sum, e);
}

static int add_project(struct including *x, const struct yaml *entry, const struct yaml *at, struct yaml *sum, struct err *e)
{
    const struct yaml *files = yaml_get(entry, "file");
    auto_free char *project = NULL;

    if (!files)
        return yaml_error(e, ERR_JOB, entry->file, entry, "an `include` of a `project` wants a `file`");
    if (read_path(x, at, "project", &project, e) < 0)
        return -1;
    note_unused(x, yaml_get(entry, "ref"));
    const struct yaml *const *each = files->type == YAML_LIST ? (const struct yaml *const *)files->items : &files;
    size_t n = files->type == YAML_LIST ? files->n : 1;
    for (size_t i = 0; i < n; i++) {
        auto_free char *path = NULL;
        if (read_path(x, each[i], "file", &path, e) < 0 || add_copy(x, each[i], "project", project, path, sum, e) < 0)
            return -1;
    }
    return 0;
}

/* The component's name, when its address is one of this project; else NULL. */
static const char *own_component(const struct including *x, const char *address)
{
    const char *host = variables_value(x->world->variables, "CI_SERVER_FQDN");
    const char *project = variables_value(x->world->variables, "CI_PROJECT_PATH");
    auto_free char *own = host && project ? xasprintf("%s/%s/", host, project) : NULL;

    return own && !x->folder && text_starts(address, own) ? address + strlen(own) : NULL;
}

/* It lies in one of two places. The files are those of this checkout, whatever version the address says. */
static int add_own_component(struct including *x, const struct yaml *at, const char *name, struct yaml *sum, struct err *e)
{
    int len = (int)strcspn(name, "@");
    auto_free char *file = xasprintf("templates/%.*s.yml", len, name);
    auto_free char *folder = xasprintf("templates/%.*s/template.yml", len, name);
    const struct strvec *all = x->world->files->list(x->world->files->ctx, e);

    return all ? ci_include_file(x, at, strvec_has(all, folder) ? folder : file, sum, e) : -1;
}

/* For `$[[ component.NAME ]]`. Only a server knows the version that a reference means, and another project's commit. */
static void describe_component(const struct including *x, const char *address, struct variables *out)
{
    size_t len = strcspn(address, "@");
    auto_free char *path = xstrndup(address, len);
    const char *slash = strrchr(path, '/');
    const char *sha = own_component(x, address) ? variables_value(x->world->variables, "CI_COMMIT_SHA") : NULL;

    variables_add(out, "name", slash ? slash + 1 : path, VARIABLE_RAW);
    variables_add(out, "reference", address[len] ? address + len + 1 : "", VARIABLE_RAW);
    variables_add(out, "sha", sha ? sha : "", VARIABLE_RAW);
}

/* What stands in place of a component, with its inputs put in: component/HOST/PATH.yml, without the version. */
static int add_component(struct including *x, const struct yaml *entry, const struct yaml *at, struct yaml *sum,
                         struct err *e)
{
    auto_free char *address = NULL;
    auto_variables facts = VARIABLES_INIT;

    if (read_path(x, at, "component", &address, e) < 0)
        return -1;
    (void)entry;
    describe_component(x, address, &facts);
    x->given.component = &facts;
    const char *own = own_component(x, address);
    if (own)
        return add_own_component(x, at, own, sum, e);
    auto_free char *path = xasprintf("%.*s.yml", (int)strcspn(address, "@"), address);
    return add_copy(x, at, "component", NULL, path, sum, e);
}

static int refuse_artifact(struct including *x, const struct yaml *entry, const struct yaml *at, struct yaml *sum,
                           struct err *e)
{
    (void)x;
    (void)entry;
    (void)sum;
    return yaml_error(e, ERR_JOB, at->file, at, "`include` of an `artifact` is not supported: no job has run yet");
}

/* ---- Entries ---- */

static int add_local_entry(struct including *x, const struct yaml *entry, const struct yaml *at, struct yaml *sum,
                           struct err *e)
{
    (void)entry;
    return add_local(x, at, sum, e);
}

static const struct {
    const char *key, *also;
    bool has_inputs; /* it may be for `spec: include` */
    int (*add)(struct including *x, const struct yaml *entry, const struct yaml *at, struct yaml *sum, struct err *e);
} kinds[] = {
    { "local", NULL, true, add_local_entry },   { "project", "file", true, add_project },
    { "template", NULL, false, add_template },  { "remote", NULL, true, add_remote },
    { "component", NULL, false, add_component }, { "artifact", "job", false, refuse_artifact },
};

static int check_keys(const struct including *x, const struct yaml *entry, size_t kind, struct err *e)
{
    if (x->inputs_only && !kinds[kind].has_inputs)
        return yaml_error(e, ERR_JOB, entry->file, entry, "`include` in `spec` takes `local`, `project` and `remote`, but no `%s`",
                          kinds[kind].key);
    for (size_t i = 0; i < entry->n; i++) {
        const struct yaml *y = entry->items[i];
        bool is_common = !x->inputs_only && (strcmp(y->key, "rules") == 0 || strcmp(y->key, "inputs") == 0);
        bool is_known = is_common || strcmp(y->key, kinds[kind].key) == 0 ||
                        (kinds[kind].also && strcmp(y->key, kinds[kind].also) == 0) ||
                        (strcmp(y->key, "ref") == 0 && kinds[kind].add == add_project) ||
                        (strcmp(y->key, "integrity") == 0 && kinds[kind].add == add_remote);
        auto_free char *shown = text_quote(y->key);
        if (!is_known)
            return yaml_error(e, ERR_JOB, y->file, y, "`%s` is not supported in `include` of a `%s`", shown, kinds[kind].key);
    }
    return 0;
}

/* By what is known of the pipeline before the file is read: its own variables are not there yet. */
static int judge_rules(struct including *x, const struct yaml *y, bool *wanted, struct err *e)
{
    __attribute__((cleanup(ci_rules_release))) struct ci_rules rules = { 0 };
    const struct ci_reader r = { .warnings = &x->tree->notes };
    const struct variables none = VARIABLES_INIT;
    const struct expression_scope scope = { x->world ? x->world->variables : &none, NULL };
    const struct ci_rule *rule = NULL;

    x->rules.unknown_changes = false;
    if (ci_rules(&r, y, IN_INCLUDE_RULE, &rules, e) < 0 || ci_rules_choose(&rules, &x->rules, &scope, &rule, e) < 0)
        return -1;
    if (rules.given)
        *wanted = rule && !(rule->has_when && rule->when == WHEN_NEVER);
    if (x->rules.unknown_changes)
        strvec_pushf(&x->tree->notes, "%s:%d:%d: `changes`: every file counts as changed: this checkout knows of no earlier "
                     "push", y->file, y->line, y->column);
    return 0;
}

static int add_map(struct including *x, const struct yaml *entry, struct yaml *sum, struct err *e)
{
    bool wanted = true;

    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        const struct yaml *at = yaml_get(entry, kinds[i].key);
        if (!at)
            continue;
        if (check_keys(x, entry, i, e) < 0 || judge_rules(x, yaml_get(entry, "rules"), &wanted, e) < 0)
            return -1;
        return wanted ? kinds[i].add(x, entry, at, sum, e) : 0;
    }
    auto_free char *shown = entry->n ? text_quote(entry->items[0]->key) : NULL;
    return yaml_error(e, ERR_JOB, entry->file, entry, "an `include` wants a `local`: a file's path in this project%s%s%s",
                      shown ? "; it has `" : "", shown ? shown : "", shown ? "`" : "");
}

static bool is_address(const char *text)
{
    return text_starts(text, "https://") || text_starts(text, "http://");
}

int ci_include_entry(struct including *x, const struct yaml *entry, struct yaml *sum, struct err *e)
{
    const struct yaml *inputs = yaml_get(entry, "inputs");

    if (inputs && inputs->type != YAML_MAP)
        return yaml_error(e, ERR_JOB, inputs->file, inputs, "`inputs` is %s here; it must be a map", yaml_type_name(inputs));
    x->given = (struct ci_given){ .map = inputs, .at = entry, .variables = x->world ? x->world->variables : NULL,
                                  .may_be_unused = yaml_get(entry, "component") != NULL };
    if (entry->type == YAML_MAP && !entry->tag)
        return add_map(x, entry, sum, e);
    if (entry->type != YAML_SCALAR || entry->tag)
        return yaml_error(e, ERR_JOB, entry->file, entry, "`include` has %s here; it must be a path, or a map with `local`",
                          yaml_type_name(entry));
    return is_address(entry->text) ? add_remote(x, NULL, entry, sum, e) : add_local(x, entry, sum, e);
}
