/* stages/pipeline/ci_trigger.c: `trigger`: a job that is a pipeline of its own. */
#include "stages/pipeline/ci_value.h"

#include "base/text.h"

#include <string.h>

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
    if (ci_check_keys(r, y, IN_TRIGGER, e) < 0 || read_strategy(r, yaml_get(y, "strategy"), &out->waits, e) < 0 ||
        read_forward(r, yaml_get(y, "forward"), out, e) < 0)
        return -1;
    out->include = yaml_get(y, "include");
    if (ci_absent(out->include)) {
        out->include = NULL;
        if (!yaml_get(y, "project"))
            return ci_problem(r, y, e, "a `trigger` wants an `include`: the file of the child pipeline");
        note_project(r, y);
        return 0;
    }
    return find_artifact(r, out, e);
}
