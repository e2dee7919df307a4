/* stages/pipeline/ci_refs.c: `only` and `except`, in both of their forms. */
#include "stages/pipeline/ci_value.h"

#include "base/text.h"
#include "stages/pipeline/event.h"

static int read_refs(const struct ci_reader *r, const struct yaml *y, const char *keyword, struct strvec *out,
                     struct err *e)
{
    if (y->type != YAML_LIST || y->tag)
        return ci_wrong_type(r, y, keyword, "a list of branches and tags", e);
    for (size_t i = 0; i < y->n; i++) {
        const struct yaml *entry = y->items[i];
        auto_free char *name = NULL;
        auto_err cause = ERR_INIT;
        if (ci_absent(entry))
            return ci_wrong_type(r, entry, keyword, "a name or a /regular expression/", e);
        if (ci_text(r, entry, keyword, &name, e) < 0)
            return -1;
        auto_free char *shown = text_quote(name);
        if (ref_pattern_check(name, &cause) < 0)
            return ci_problem(r, entry, e, "the regular expression `%s` in `%s`: %s", shown, keyword, err_text(&cause));
        strvec_push(out, name);
    }
    return 0;
}

static int read_conditions(const struct ci_reader *r, const struct yaml *y, struct strvec *out, struct err *e)
{
    if (ci_absent(y))
        return 0;
    if (y->type != YAML_LIST)
        return ci_wrong_type(r, y, "variables", "a list of conditions", e);
    for (size_t i = 0; i < y->n; i++) {
        auto_free char *condition = NULL;
        auto_err problem = ERR_INIT;
        if (ci_absent(y->items[i]))
            return ci_wrong_type(r, y->items[i], "variables", "a list of conditions", e);
        if (ci_text(r, y->items[i], "variables", &condition, e) < 0)
            return -1;
        auto_free char *shown = text_quote(condition);
        if (expression_check(condition, &problem) < 0)
            return ci_problem(r, y->items[i], e, "the condition `%s`: %s", shown, err_text(&problem));
        strvec_push(out, condition);
    }
    return 0;
}

/* A list, or a map with `refs`. *given: whether it says anything of branches and tags. */
static int read_policy(const struct ci_reader *r, const struct yaml *y, const char *keyword, enum keyword_place place,
                       bool *given, struct strvec *refs, struct ci_policy *out, struct err *e)
{
    if (ci_absent(y))
        return 0;
    if (y->type == YAML_MAP) {
        if (y->n == 0)
            return ci_problem(r, y, e, "`%s` has nothing in it; take it out", keyword);
        const struct yaml *changes = yaml_get(y, "changes");
        if (changes && changes->type == YAML_MAP)
            changes = yaml_get(changes, "paths");
        if (ci_check_keys(r, y, place, e) < 0 || read_conditions(r, yaml_get(y, "variables"), &out->variables, e) < 0 ||
            ci_list(r, changes, "changes", &out->changes, e) < 0)
            return -1;
        y = yaml_get(y, "refs");
        if (ci_absent(y))
            return 0;
    }
    *given = true;
    return read_refs(r, y, keyword, refs, e);
}

int ci_only(const struct ci_reader *r, const struct yaml *y, struct ci_job *out, struct err *e)
{
    if (read_policy(r, y, "only", IN_ONLY, &out->has_only, &out->only, &out->only_policy, e) < 0)
        return -1;
    for (size_t i = 0; i < out->only.n; i++) {
        const char *event = event_of_word(out->only.items[i]);
        if (!event)
            continue;
        auto_free char *job = text_quote(r->job);
        strvec_pushf(r->warnings,
                     "%s:%d:%d: `%s` in `only` of job `%s` lets in pipelines that --event %s makes", y->file, y->line,
                     y->column, out->only.items[i], job, event);
    }
    return 0;
}

int ci_except(const struct ci_reader *r, const struct yaml *y, struct ci_job *out, struct err *e)
{
    bool given;

    return read_policy(r, y, "except", IN_EXCEPT, &given, &out->except, &out->except_policy, e);
}

static bool any_matches(const struct strvec *patterns, const struct ref_facts *ref)
{
    for (size_t i = 0; i < patterns->n; i++)
        if (ref_pattern_matches(patterns->items[i], ref))
            return true;
    return false;
}

bool ci_job_is_for(const struct ci_job *job, const struct ref_facts *ref)
{
    return (!job->has_only || any_matches(&job->only, ref)) && !any_matches(&job->except, ref);
}
