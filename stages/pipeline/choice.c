#include "stages/pipeline/choice.h"

#include "base/text.h"
#include "stages/pipeline/ci_value.h"
#include "stages/pipeline/event.h"
#include "stages/pipeline/predefined.h"

#include <string.h>

/* What the conditions of all jobs are judged by. */
struct judging {
    struct ci_file *file;
    struct choice_world *world;
    struct rule_world rules;
    struct variables all; /* resolved: without those of a job */
};

static int resolve_all(const struct judging *j, const struct ci_job *job, struct variables *out, struct err *e)
{
    auto_variables all = VARIABLES_INIT;

    variables_append(&all, j->world->server);
    if (job) {
        predefined_job_known(job, j->file->stages.items[job->stage], &all);
        ci_job_globals(j->file, job, &all);
        variables_append(&all, &job->variables);
    } else {
        variables_append(&all, &j->file->variables);
    }
    variables_append(&all, j->world->project);
    return variables_resolve(&all, "", out, e);
}

/* ---- workflow ---- */

static int judge_workflow(struct judging *j, struct err *e)
{
    struct ci_file *f = j->file;
    const struct expression_scope scope = { &j->all, NULL };
    const struct ci_rule *rule = NULL;

    if (!f->workflow.given)
        return 0;
    if (ci_rules_choose(&f->workflow, &j->rules, &scope, &rule, e) < 0)
        return -1;
    if (!rule)
        return err_set(e, ERR_JOB, 0, "no rule of `workflow` holds: GitLab would make no pipeline");
    if (rule->has_when && rule->when == WHEN_NEVER)
        return yaml_error(e, ERR_JOB, rule->at->file, rule->at,
                          "this rule of `workflow` holds and says `never`: GitLab would make no pipeline");
    if (rule->auto_cancel.given)
        f->auto_cancel = rule->auto_cancel;
    if (rule->variables.n == 0)
        return 0;
    variables_append(&f->variables, &rule->variables);
    variables_release(&j->all);
    return resolve_all(j, NULL, &j->all, e);
}

/* ---- Jobs ---- */

/* CI_ENVIRONMENT_NAME and its like. */
static int add_environment(const struct judging *j, const struct ci_job *job, struct variables *own, struct err *e)
{
    auto_variables all = VARIABLES_INIT;

    if (!job->environment.name)
        return 0;
    variables_append(&all, &j->all);
    variables_append(&all, own);
    return predefined_environment(&job->environment, &all, own, e);
}

/* Most jobs have no variables of their own, and those of all are resolved already. */
static int job_scope(const struct judging *j, const struct ci_job *job, struct variables *own,
                     struct expression_scope *out, struct err *e)
{
    if (job->variables.n > 0 || job->inherits_some) {
        *out = (struct expression_scope){ own, NULL };
        if (resolve_all(j, job, own, e) < 0)
            return -1;
    } else {
        predefined_job_known(job, j->file->stages.items[job->stage], own);
    }
    return add_environment(j, job, own, e);
}

static void apply(struct ci_job *job, const struct ci_rule *rule)
{
    if (!rule || (rule->has_when ? rule->when : job->when) == WHEN_NEVER) {
        job->left_out = true;
        return;
    }
    /* A job that a rule makes manual is one that the others wait for, unless it says otherwise. */
    if (rule->has_when)
        job->when = rule->when;
    if (rule->has_when && rule->when == WHEN_DELAYED)
        job->start_in = rule->start_in;
    if (rule->has_allow_failure) {
        job->allow_failure = rule->allow_failure;
        free(job->allowed_codes);
        job->allowed_codes = NULL;
        job->n_allowed_codes = 0;
    }
    variables_append(&job->variables, &rule->variables);
}

static int any_condition(const struct strvec *conditions, const struct expression_scope *scope, bool *out, struct err *e)
{
    *out = false;
    for (size_t i = 0; i < conditions->n && !*out; i++)
        if (expression_holds(conditions->items[i], scope, out, e) < 0)
            return -1;
    return 0;
}

/* All parts of `only` must let it in, and no part of `except` keep it out. */
static int judge_policies(struct judging *j, struct ci_job *job, const struct expression_scope *scope, struct err *e)
{
    const struct ci_policy *only = &job->only_policy, *except = &job->except_policy;
    bool holds = true, kept_out = false;

    if (only->variables.n > 0 && any_condition(&only->variables, scope, &holds, e) < 0)
        return -1;
    if (holds && only->changes.n > 0 && ci_paths_changed(&only->changes, NULL, &j->rules, scope, &holds, e) < 0)
        return -1;
    if (holds && except->variables.n > 0 && any_condition(&except->variables, scope, &kept_out, e) < 0)
        return -1;
    if (holds && !kept_out && except->changes.n > 0 &&
        ci_paths_changed(&except->changes, NULL, &j->rules, scope, &kept_out, e) < 0)
        return -1;
    job->left_out = !holds || kept_out;
    return 0;
}

static bool has_policies(const struct ci_job *job)
{
    return job->only_policy.variables.n + job->only_policy.changes.n + job->except_policy.variables.n +
               job->except_policy.changes.n > 0;
}

/* A job that says nothing of it is for branches and tags, unless `workflow` says what pipelines there are. */
static bool is_of_branches(const struct judging *j, const struct ci_job *job)
{
    return event_is_merge_request(j->world->ref->event) && !job->has_only && !job->rules.given && !j->file->workflow.given;
}

static int judge_job(struct judging *j, struct ci_job *job, struct err *e)
{
    auto_variables own = VARIABLES_INIT;
    struct expression_scope all = { &j->all, NULL };
    struct expression_scope scope = { &own, &all };
    const struct ci_rule *rule = NULL;

    job->left_out = !ci_job_is_for(job, j->world->ref) || is_of_branches(j, job);
    if (job->left_out || (!job->rules.given && !has_policies(job)))
        return 0;
    if (job_scope(j, job, &own, &scope, e) < 0)
        return -1;
    if (!job->rules.given)
        return judge_policies(j, job, &scope, e);
    if (ci_rules_choose(&job->rules, &j->rules, &scope, &rule, e) < 0)
        return -1;
    apply(job, rule);
    if (rule && rule->needs.given)
        job->chosen_needs = &rule->needs;
    return 0;
}

/* ---- needs ---- */

static int missing(const struct ci_job *job, const struct ci_need *need, const struct ci_job *needed, struct err *e)
{
    auto_free char *name = text_quote(job->name);
    auto_free char *other = text_quote(needed->name);

    return yaml_error(e, ERR_JOB, need->at->file, need->at,
                      "'%s' job needs '%s' job, but '%s' does not exist in the pipeline, by its `rules`, `only` or "
                      "`except`; write `optional: true` if it may be missing",
                      name, other, other);
}

static void warn_of_part(struct ci_file *f, const struct ci_job *job, const struct ci_need *need)
{
    auto_free char *name = text_quote(job->name);
    auto_free char *other = text_quote(need->name);

    strvec_pushf(&f->warnings, "%s:%d:%d: job `%s` needs those of `%s` that have these variables; GitLab wants all variables "
                 "of their `matrix`, in their order", need->at->file, need->at->line, need->at->column, name, other);
}

static int resolve_need(struct ci_file *f, struct ci_job *job, const struct ci_need *need, struct err *e)
{
    size_t n;
    bool in_part = false;
    struct ci_job *const *others = ci_file_named(f, need->name, &n);

    if (n > 0)
        job->needed = xreallocarray(job->needed, job->n_needed + n, sizeof(*job->needed));
    for (size_t i = 0; i < n; i++) {
        if (!ci_need_means(need, others[i], others, n, &in_part))
            continue;
        if (others[i]->left_out && !need->optional)
            return missing(job, need, others[i], e);
        if (!others[i]->left_out)
            job->needed[job->n_needed++] = (struct ci_needed){ others[i], need->artifacts };
    }
    if (in_part)
        warn_of_part(f, job, need);
    return 0;
}

static int resolve_needs(struct ci_file *f, struct ci_job *job, struct err *e)
{
    const struct ci_needs *needs = job->chosen_needs ? job->chosen_needs : &job->needs;

    job->by_needs = needs->given;
    for (size_t i = 0; i < needs->n; i++)
        if (resolve_need(f, job, &needs->items[i], e) < 0)
            return -1;
    return 0;
}

/* Those that come before and after all others are no pipeline to GitLab; to try them is the more useful here. */
static void warn_of_edges(struct ci_file *f)
{
    size_t last = f->stages.n - 1, at_edges = 0;

    for (size_t i = 0; i < f->n; i++) {
        if (f->jobs[i].left_out)
            continue;
        if (f->jobs[i].stage != 0 && f->jobs[i].stage != last)
            return;
        at_edges++;
    }
    if (at_edges > 0)
        strvec_pushf(&f->warnings, "all jobs that are left are of the stages .pre and .post: GitLab would make no pipeline of them");
}

int choice_make(struct ci_file *f, struct choice_world *w, struct err *e)
{
    struct judging j = { .file = f, .world = w, .rules = { .files = w->files } };
    int rc = resolve_all(&j, NULL, &j.all, e);

    if (rc == 0)
        rc = judge_workflow(&j, e);
    for (size_t i = 0; rc == 0 && i < f->n; i++)
        rc = judge_job(&j, &f->jobs[i], e);
    for (size_t i = 0; rc == 0 && i < f->n; i++)
        if (!f->jobs[i].left_out)
            rc = resolve_needs(f, &f->jobs[i], e);
    w->unknown_changes = j.rules.unknown_changes;
    path_answers_release(&j.rules.answers);
    variables_release(&j.all);
    if (rc == 0)
        warn_of_edges(f);
    return rc < 0 ? -1 : choice_order(f, e);
}

int choice_check(struct ci_file *f, struct err *e)
{
    for (size_t i = 0; i < f->n; i++)
        if (resolve_needs(f, &f->jobs[i], e) < 0)
            return -1;
    return choice_order(f, e);
}
