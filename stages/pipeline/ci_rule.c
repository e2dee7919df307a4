#include "stages/pipeline/ci_rule.h"

#include "base/text.h"
#include "stages/pipeline/ci_value.h"

#include <string.h>

/* GitLab's, for lists in lists; they come by !reference. */
#define RULES_DEPTH 10
/* GitLab's, of patterns in one list. */
#define PATTERNS_MAX ((size_t)50)

/* ---- Reading ---- */

static int read_condition(const struct ci_reader *r, const struct yaml *y, struct ci_rule *out, struct err *e)
{
    auto_err problem = ERR_INIT;

    if (ci_text(r, y, "if", &out->condition, e) < 0)
        return -1;
    if (!out->condition || expression_check(out->condition, &problem) == 0)
        return 0;
    auto_free char *shown = text_quote(out->condition);
    return ci_problem(r, y, e, "the condition `%s`: %s", shown, err_text(&problem));
}

static int read_patterns(const struct ci_reader *r, const struct yaml *y, const char *keyword, struct strvec *out,
                         struct err *e)
{
    if (ci_absent(y) || y->type != YAML_LIST)
        return ci_problem(r, y, e, "`%s` is %s here; it must be a list of paths", keyword, yaml_type_name(y));
    if (y->n > PATTERNS_MAX)
        return ci_problem(r, y, e, "`%s` has %zu paths; it can have %zu", keyword, y->n, PATTERNS_MAX);
    return ci_texts(r, y, keyword, out, e);
}

/* A list, or a map with `paths`. */
static int read_paths(const struct ci_reader *r, const struct yaml *y, const char *keyword, enum keyword_place place,
                      bool *given, struct strvec *out, struct err *e)
{
    if (ci_absent(y))
        return 0;
    *given = true;
    if (y->type != YAML_MAP)
        return read_patterns(r, y, keyword, out, e);
    if (ci_check_keys(r, y, place, e) < 0)
        return -1;
    const struct yaml *paths = yaml_get(y, "paths");
    return paths ? read_patterns(r, paths, "paths", out, e) : ci_problem(r, y, e, "`%s` has no `paths`", keyword);
}

/* Where else to look for them. */
static int read_exists_project(const struct ci_reader *r, const struct yaml *y, struct ci_rule *out, struct err *e)
{
    const struct yaml *project = yaml_get(y, "project"), *ref = yaml_get(y, "ref");

    if (ref && !project)
        return ci_key_problem(r, ref, e, "`ref` in `exists` wants a `project`");
    return ci_text(r, project, "project", &out->exists_project, e) < 0 ? -1 : ci_text(r, ref, "ref", &out->exists_ref, e);
}

static int read_rule_when(const struct ci_reader *r, const struct yaml *y, enum keyword_place place,
                          struct ci_rule *out, struct err *e)
{
    auto_free char *word = NULL;

    if (ci_absent(y))
        return 0;
    if (ci_text(r, y, "when", &word, e) < 0)
        return -1;
    out->has_when = true;
    for (enum ci_when w = WHEN_ON_SUCCESS; w <= WHEN_NEVER; w++) {
        bool fits = place == IN_RULE || w == WHEN_ALWAYS || w == WHEN_NEVER;
        out->when = w;
        if (fits && strcmp(word, ci_when_name(w)) == 0)
            return 0;
    }
    auto_free char *shown = text_quote(word);
    return ci_problem(r, y, e, place == IN_RULE
                                   ? "`when: %s` is none of on_success, on_failure, always, manual, delayed and never"
                                   : "`when: %s` is neither always nor never",
                      shown);
}

static int read_allow_failure(const struct ci_reader *r, const struct yaml *y, struct ci_rule *out, struct err *e)
{
    if (ci_absent(y))
        return 0;
    out->has_allow_failure = true;
    return yaml_bool(y, &out->allow_failure) < 0 ? ci_wrong_type(r, y, "allow_failure", "true or false", e) : 0;
}

static int read_rule(const struct ci_reader *r, const struct yaml *y, enum keyword_place place, struct ci_rule *out,
                     struct err *e)
{
    out->at = y;
    if (y->type != YAML_MAP || y->tag)
        return ci_wrong_type(r, y, "rules", "a list of maps", e);
    if (y->n == 0)
        return ci_problem(r, y, e, "a rule has nothing in it; take it out, or write `when: on_success`");
    if (ci_check_keys(r, y, place, e) < 0 || read_condition(r, yaml_get(y, "if"), out, e) < 0 ||
        read_paths(r, yaml_get(y, "changes"), "changes", IN_CHANGES, &out->has_changes, &out->changes, e) < 0 ||
        ci_text(r, yaml_get(yaml_get(y, "changes"), "compare_to"), "compare_to", &out->compare_to, e) < 0 ||
        read_paths(r, yaml_get(y, "exists"), "exists", IN_EXISTS, &out->has_exists, &out->exists, e) < 0 ||
        read_exists_project(r, yaml_get(y, "exists"), out, e) < 0 ||
        read_rule_when(r, yaml_get(y, "when"), place, out, e) < 0 ||
        read_allow_failure(r, yaml_get(y, "allow_failure"), out, e) < 0 ||
        ci_auto_cancel(r, yaml_get(y, "auto_cancel"), &out->auto_cancel, e) < 0 ||
        ci_variables(r, yaml_get(y, "variables"), IN_RULE_VARIABLE, &out->variables, e) < 0)
        return -1;
    const struct yaml *start_in = yaml_get(y, "start_in");
    bool is_delayed = out->has_when && out->when == WHEN_DELAYED;
    if (start_in && !is_delayed)
        return ci_key_problem(r, start_in, e, "`start_in` wants `when: delayed` in the same rule");
    if (is_delayed && ci_delay(r, yaml_get(y, "when"), start_in, &out->start_in, e) < 0)
        return -1;
    return ci_needs(r, yaml_get(y, "needs"), &out->needs, e);
}

static int read_rules(const struct ci_reader *r, const struct yaml *y, enum keyword_place place, int depth,
                      struct ci_rules *out, struct err *e)
{
    if (y->type != YAML_LIST || y->tag)
        return ci_wrong_type(r, y, "rules", "a list of maps", e);
    if (depth == RULES_DEPTH)
        return ci_problem(r, y, e, "`rules` has lists more than %d deep", RULES_DEPTH);
    for (size_t i = 0; i < y->n; i++) {
        if (y->items[i]->type == YAML_LIST && !y->items[i]->tag) {
            if (read_rules(r, y->items[i], place, depth + 1, out, e) < 0)
                return -1;
            continue;
        }
        out->items = xreallocarray(out->items, out->n + 1, sizeof(*out->items));
        out->items[out->n] = (struct ci_rule){ .at = NULL };
        if (read_rule(r, y->items[i], place, &out->items[out->n++], e) < 0)
            return -1;
    }
    return 0;
}

int ci_rules(const struct ci_reader *r, const struct yaml *y, enum keyword_place place, struct ci_rules *out,
             struct err *e)
{
    if (ci_absent(y))
        return 0;
    out->given = true;
    if (y->type == YAML_LIST && !y->tag && y->n == 0)
        return ci_problem(r, y, e, "`rules` has no rule, and GitLab wants one");
    return read_rules(r, y, place, 0, out, e);
}

void ci_rules_release(struct ci_rules *rules)
{
    for (size_t i = 0; i < rules->n; i++) {
        struct ci_rule *rule = &rules->items[i];
        free(rule->condition);
        free(rule->compare_to);
        strvec_release(&rule->changes);
        strvec_release(&rule->exists);
        free(rule->exists_project);
        free(rule->exists_ref);
        variables_release(&rule->variables);
        ci_needs_release(&rule->needs);
    }
    free(rules->items);
    *rules = (struct ci_rules){ 0 };
}

/* ---- Judging ---- */

/* The variables of all scopes, the innermost last. */
static void flatten(const struct expression_scope *scope, struct variables *out)
{
    if (!scope)
        return;
    flatten(scope->outer, out);
    variables_append(out, scope->variables);
}

/* A dollar before no variable's name is one of the path. */
static char *keep_dollars(const char *text, const struct variables *all)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
    char *kept = xcalloc(2 * strlen(text) + 1, 1), *to = kept;

    for (const char *at = text; *at; at++) {
        const char *start = at + 1 + (at[1] == '{');
        auto_free char *name = xstrndup(start, *at == '$' ? strspn(start, letters) : 0);
        *to++ = *at;
        if (*at == '$' && !variables_find(all, name))
            *to++ = '$';
    }
    return kept;
}

static int expand(const char *text, const struct expression_scope *scope, char **out, struct err *e)
{
    auto_variables all = VARIABLES_INIT;

    if (!strchr(text, '$')) {
        *out = xstrdup(text);
        return 0;
    }
    flatten(scope, &all);
    auto_free char *kept = keep_dollars(text, &all);
    return variables_expand(&all, kept, out, e);
}

static int any_path(const struct strvec *patterns, const struct strvec *paths, struct rule_world *w,
                    const struct expression_scope *scope, bool *out, struct err *e)
{
    *out = false;
    for (size_t i = 0; i < patterns->n && !*out; i++) {
        auto_free char *pattern = NULL;
        if (expand(patterns->items[i], scope, &pattern, e) < 0)
            return -1;
        *out = path_answers_any(&w->answers, pattern + strspn(pattern, "/"), paths);
    }
    return 0;
}

int ci_paths_changed(const struct strvec *patterns, const char *compare_to, struct rule_world *w,
                     const struct expression_scope *scope, bool *out, struct err *e)
{
    const struct strvec *changed = NULL;
    bool known = false;

    if (w->files && w->files->changed) {
        auto_free char *revision = NULL;
        if (compare_to && expand(compare_to, scope, &revision, e) < 0)
            return -1;
        changed = w->files->changed(w->files->ctx, revision, &known, e);
        if (!changed)
            return -1;
    }
    *out = true;
    if (known)
        return any_path(patterns, changed, w, scope, out, e);
    w->unknown_changes = true;
    return 0;
}

/* The files among which it looks. */
static const struct strvec *list_for(const struct ci_rule *rule, const struct rule_world *w,
                                     const struct expression_scope *scope, struct err *e)
{
    auto_free char *project = NULL;
    auto_free char *ref = NULL;

    if (!rule->exists_project)
        return w->files->list(w->files->ctx, e);
    if (expand(rule->exists_project, scope, &project, e) < 0 ||
        (rule->exists_ref && expand(rule->exists_ref, scope, &ref, e) < 0))
        return NULL;
    return w->files->list_of(w->files->ctx, project, ref, e);
}

static int exists(const struct ci_rule *rule, struct rule_world *w, const struct expression_scope *scope, bool *out,
                  struct err *e)
{
    *out = false;
    if (!w->files)
        return 0;
    const struct strvec *all = list_for(rule, w, scope, e);
    return all ? any_path(&rule->exists, all, w, scope, out, e) : -1;
}

/* All that it asks for. */
static int holds(const struct ci_rule *rule, struct rule_world *w, const struct expression_scope *scope, bool *out,
                 struct err *e)
{
    *out = true;
    if (rule->condition && expression_holds(rule->condition, scope, out, e) < 0)
        return -1;
    if (*out && rule->has_changes && ci_paths_changed(&rule->changes, rule->compare_to, w, scope, out, e) < 0)
        return -1;
    return *out && rule->has_exists ? exists(rule, w, scope, out, e) : 0;
}

int ci_rules_choose(const struct ci_rules *rules, struct rule_world *w, const struct expression_scope *scope,
                    const struct ci_rule **out, struct err *e)
{
    *out = NULL;
    for (size_t i = 0; i < rules->n && !*out; i++) {
        auto_err problem = ERR_INIT;
        bool it_holds = false;
        if (holds(&rules->items[i], w, scope, &it_holds, &problem) < 0) {
            const struct yaml *at = rules->items[i].at;
            return yaml_error(e, ERR_JOB, at->file, at, "%s", err_text(&problem));
        }
        if (it_holds)
            *out = &rules->items[i];
    }
    return 0;
}
