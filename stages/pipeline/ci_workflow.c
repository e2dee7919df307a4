/* stages/pipeline/ci_workflow.c: `workflow`: whether there is a pipeline, how it is called, and what ends it early. */
#include "stages/pipeline/ci_value.h"

#include <string.h>

int ci_auto_cancel(const struct ci_reader *r, const struct yaml *y, struct ci_auto_cancel *out, struct err *e)
{
    static const char *const by_commits[] = { "conservative", "interruptible", "none", NULL };
    static const char *const by_failures[] = { "all", "none", NULL };
    auto_free char *word = NULL;

    if (ci_absent(y))
        return 0;
    if (y->type != YAML_MAP || y->tag)
        return ci_wrong_type(r, y, "auto_cancel", "a map of `on_job_failure` and `on_new_commit`", e);
    if (ci_check_keys(r, y, IN_AUTO_CANCEL, e) < 0 ||
        ci_choice(r, yaml_get(y, "on_new_commit"), "on_new_commit", by_commits, NULL, e) < 0 ||
        ci_choice(r, yaml_get(y, "on_job_failure"), "on_job_failure", by_failures, &word, e) < 0)
        return -1;
    if (word)
        *out = (struct ci_auto_cancel){ .given = true, .by_failure = strcmp(word, "all") == 0 };
    return 0;
}

int ci_workflow(const struct ci_reader *r, const struct yaml *y, struct ci_file *out, struct err *e)
{
    if (ci_absent(y))
        return 0;
    if (y->type != YAML_MAP)
        return ci_wrong_type(r, y, "workflow", "a map of `rules` and more", e);
    if (ci_check_keys(r, y, IN_WORKFLOW, e) < 0)
        return -1;
    if (ci_text_or_empty(r, yaml_get(y, "name"), "name", &out->name, e) < 0 ||
        ci_auto_cancel(r, yaml_get(y, "auto_cancel"), &out->auto_cancel, e) < 0)
        return -1;
    return ci_rules(r, yaml_get(y, "rules"), IN_WORKFLOW_RULE, &out->workflow, e);
}
