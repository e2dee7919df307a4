/* stages/pipeline/ci_stage.c: `stages`, and in which one a job is. */
#include "stages/pipeline/ci_value.h"

#include "base/text.h"
#include "stages/pipeline/ci_file.h"
#include "stages/pipeline/keyword.h"
#include "stages/pipeline/scalar.h"

#include <string.h>

#define STAGES_MAX ((size_t)1000)
/* GitLab's, for lists in lists. */
#define STAGES_DEPTH 10

static const char *const default_stages[] = { "build", "test", "deploy" };

/* Lists in it count as what is in them. */
static int add_stages(const struct ci_reader *r, const struct yaml *y, int depth, struct strvec *out, struct err *e)
{
    if (y->tag || depth > STAGES_DEPTH)
        return ci_wrong_type(r, y, "stages", "a list of names", e);
    for (size_t i = 0; i < y->n; i++) {
        const struct yaml *name = y->items[i];
        if (name->type == YAML_LIST) {
            if (add_stages(r, name, depth + 1, out, e) < 0)
                return -1;
            continue;
        }
        if (name->type != YAML_SCALAR || name->tag || scalar_kind(name) != SCALAR_TEXT || !*name->text)
            return ci_wrong_type(r, name, "stages", "a list of names", e);
        if (strlen(name->text) > CI_NAME_MAX)
            return ci_problem(r, name, e, "a stage's name has more than %zu characters", CI_NAME_MAX);
        if (strcmp(name->text, ".post") != 0 && !strvec_has(out, name->text))
            strvec_push(out, name->text);
    }
    return 0;
}

int ci_stages(const struct ci_reader *r, const struct yaml *y, struct strvec *out, struct err *e)
{
    strvec_push(out, ".pre");
    if (!y || y->type == YAML_NULL) {
        for (size_t i = 0; i < ARRAY_SIZE(default_stages); i++)
            strvec_push(out, default_stages[i]);
    } else if (y->type != YAML_LIST) {
        return ci_problem(r, y, e, "`stages` is %s; it must be a list of names", yaml_type_name(y));
    } else if (y->n > STAGES_MAX) {
        return ci_problem(r, y, e, "more than %zu stages", STAGES_MAX);
    }
    if (!ci_absent(y) && add_stages(r, y, 1, out, e) < 0)
        return -1;
    strvec_push(out, ".post");
    return 0;
}

static void warn_of_type(const struct ci_reader *r, const struct yaml *old)
{
    auto_free char *job = text_quote(r->job);

    strvec_pushf(r->warnings, "%s:%d:%d: keyword `type` in job `%s` has no effect here: it is an old name of `stage`, and "
                 "`stage` is there", old->file, old->key_line, old->key_column, job);
}

int ci_stage(const struct ci_reader *r, const struct yaml *job, const struct strvec *stages, size_t *out, struct err *e)
{
    const struct yaml *y = yaml_get(job, "stage");
    const struct yaml *old = yaml_get(job, "type"); /* its name before GitLab 8.2 */
    auto_free char *name = xstrdup("test");

    if (y && old)
        warn_of_type(r, old);
    if (!y)
        y = old;
    if (ci_text(r, y, "stage", &name, e) < 0)
        return -1;
    for (size_t i = 0; i < stages->n; i++) {
        if (strcmp(stages->items[i], name) != 0)
            continue;
        *out = i;
        return 0;
    }
    auto_free char *known = strvec_join(stages, ", ");
    auto_free char *known_shown = text_quote(known);
    auto_free char *shown = text_quote(name);
    auto_free char *shown_job = text_quote(r->job);
    if (y)
        return ci_problem(r, y, e, "job `%s`: there is no stage `%s`; the stages are %s", shown_job, shown, known_shown);
    return ci_key_problem(r, job, e, "job `%s` says no `stage`, and there is no stage `test` for it; the stages are %s",
                          shown_job, known_shown);
}

void ci_add_missing_stages(const struct yaml *root, struct ci_file *f)
{
    for (size_t i = 0; i < root->n; i++) {
        const struct yaml *job = root->items[i], *y = yaml_get(job, "stage");
        const char *stage = y ? y->text : "test"; /* what a job without one is in */
        if (*job->key == '.' || keyword_find(job->key, IN_FILE) || job->type != YAML_MAP || !stage ||
            strvec_has(&f->stages, stage))
            continue;
        auto_free char *shown = text_quote(stage);
        auto_free char *name = text_quote(job->key);
        strvec_pushf(&f->tree.missing, "%s:%d:%d: job `%s`: there is no stage `%s` in the files that are here; it comes last",
                     job->file, job->key_line, job->key_column, name, shown);
        char *post = f->stages.items[f->stages.n - 1];
        f->stages.items[f->stages.n - 1] = xstrdup(stage);
        strvec_give(&f->stages, post);
    }
}
