/* stages/pipeline/ci_trigger.c: `trigger`: a job that is a pipeline of its own. */
#include "stages/pipeline/ci_value.h"

#include "base/text.h"

#include <string.h>

/* GitLab's, of files. */
#define INCLUDES_MAX ((size_t)3)

static int read_strategy(const struct ci_reader *r, const struct yaml *y, bool *waits, struct err *e)
{
    static const char *const strategies[] = { "depend", "mirror", NULL };

    if (ci_absent(y))
        return 0;
    if (y->type != YAML_SCALAR || !text_is_any(y->text, strategies))
        return ci_wrong_type(r, y, "strategy", "`depend` or `mirror`", e);
    *waits = true;
    return 0;
}

static int read_forward(const struct ci_reader *r, const struct yaml *y, struct ci_trigger *out, struct err *e)
{
    if (ci_absent(y))
        return 0;
    if (y->type != YAML_MAP)
        return ci_wrong_type(r, y, "forward", "a map of `yaml_variables` and `pipeline_variables`", e);
    if (ci_check_keys(r, y, IN_FORWARD, e) < 0 ||
        ci_flag(r, yaml_get(y, "yaml_variables"), "yaml_variables", &out->forwards_yaml, e) < 0)
        return -1;
    return ci_flag(r, yaml_get(y, "pipeline_variables"), "pipeline_variables", &out->forwards_pipeline, e);
}

/* Pipelines of other projects are a server's. */
static void note_project(const struct ci_reader *r, const struct yaml *y)
{
    auto_free char *job = text_quote(r->job);

    strvec_pushf(r->warnings, "%s:%d:%d: keyword `trigger` in job `%s` has no effect here: another project's pipeline runs on its server",
                 y->file, y->line, y->column, job);
}

/* A generated file stands alone. */
static int find_artifact(const struct ci_reader *r, struct ci_trigger *out, struct err *e)
{
    const struct yaml *y = out->include;
    size_t n = y->type == YAML_LIST ? y->n : 1;

    for (size_t i = 0; i < n; i++) {
        const struct yaml *entry = y->type == YAML_LIST ? y->items[i] : y;
        const struct yaml *artifact = yaml_get(entry, "artifact"), *job = yaml_get(entry, "job");
        if (!artifact)
            continue;
        if (n > 1)
            return ci_problem(r, entry, e, "an `artifact` that becomes a child pipeline cannot be together with other files");
        if (artifact->type != YAML_SCALAR || !job || job->type != YAML_SCALAR)
            return ci_problem(r, entry, e, "an `artifact` wants its path, and the `job` that makes it");
        out->artifact = artifact->text;
        out->generator = job->text;
        out->inputs = yaml_get(entry, "inputs");
    }
    return 0;
}

/* `project` and `branch` are another pipeline's. */
static int check_kind(const struct ci_reader *r, const struct yaml *y, const struct yaml *include, struct err *e)
{
    const struct yaml *project = yaml_get(y, "project"), *branch = yaml_get(y, "branch");
    auto_free char *name = NULL;

    if (include && (project || branch))
        return ci_key_problem(r, project ? project : branch, e, "a `trigger` has `include` or `project`, and not both");
    if (include && include->type == YAML_LIST && include->n > INCLUDES_MAX)
        return ci_problem(r, include, e, "`include` of a `trigger` has %zu files; it can have %zu", include->n, INCLUDES_MAX);
    if (ci_text(r, project, "project", &name, e) < 0 || ci_text(r, branch, "branch", &name, e) < 0)
        return -1;
    return include || project ? 0 : ci_problem(r, y, e, "a `trigger` wants an `include`: the file of the child pipeline");
}

int ci_trigger(const struct ci_reader *r, const struct yaml *y, struct ci_trigger *out, struct err *e)
{
    if (ci_absent(y))
        return 0;
    *out = (struct ci_trigger){ .given = true, .forwards_yaml = true };
    if (y->type == YAML_SCALAR && !y->tag) {
        note_project(r, y);
        return 0;
    }
    if (y->type != YAML_MAP)
        return ci_wrong_type(r, y, "trigger", "a project, or a map with `include`", e);
    const struct yaml *include = yaml_get(y, "include");
    if (ci_absent(include))
        include = NULL;
    if (ci_check_keys(r, y, IN_TRIGGER, e) < 0 || read_strategy(r, yaml_get(y, "strategy"), &out->waits, e) < 0 ||
        read_forward(r, yaml_get(y, "forward"), out, e) < 0 || check_kind(r, y, include, e) < 0)
        return -1;
    out->include = include;
    if (include)
        return find_artifact(r, out, e);
    note_project(r, y);
    return 0;
}

/* What a job with a `trigger` may have beside it. */
static const char *const companions[] = {
    "trigger",   "extends",       "stage",         "type",  "only",           "except",      "rules",
    "variables", "inherit",       "allow_failure", "when",  "needs",          "environment", "resource_group",
    "parallel",  "interruptible", "description",   "manual_confirmation", NULL,
};

int ci_check_trigger_job(const struct ci_reader *r, const struct yaml *job, struct err *e)
{
    const struct yaml *failure = yaml_get(job, "allow_failure"), *parallel = yaml_get(job, "parallel");
    const struct yaml *when = yaml_get(job, "when"), *needs = yaml_get(job, "needs");

    for (size_t i = 0; i < job->n; i++) {
        auto_free char *name = text_quote(job->items[i]->key);
        if (!text_is_any(job->items[i]->key, companions))
            return ci_key_problem(r, job->items[i], e, "a job cannot have both `trigger` and `%s`", name);
    }
    if (failure && failure->type == YAML_MAP)
        return ci_wrong_type(r, failure, "allow_failure", "true or false in a job with a `trigger`", e);
    if (parallel && parallel->type == YAML_SCALAR)
        return ci_problem(r, parallel, e, "a job with a `trigger` can be `parallel` by a `matrix` alone");
    if (when && when->type == YAML_SCALAR && strcmp(when->text, "delayed") == 0)
        return ci_problem(r, when, e, "a job with a `trigger` cannot be `delayed`");
    for (size_t i = 0; needs && needs->type == YAML_LIST && i < needs->n; i++)
        if (yaml_get(needs->items[i], "project"))
            return ci_problem(r, needs->items[i], e, "a job with a `trigger` cannot need jobs of another project");
    return 0;
}
