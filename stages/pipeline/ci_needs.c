/* stages/pipeline/ci_needs.c: `needs`: which jobs a job waits for, in the place of all earlier stages. */
#include "stages/pipeline/ci_value.h"

#include "base/text.h"

#include <string.h>

/* GitLab's. */
#define NEEDS_MAX   ((size_t)50)
#define NEEDS_DEPTH 10

static int read_flag(const struct ci_reader *r, const struct yaml *y, const char *keyword, bool *out, struct err *e)
{
    if (ci_absent(y))
        return 0;
    return yaml_bool(y, out) < 0 ? ci_wrong_type(r, y, keyword, "true or false", e) : 0;
}

static int read_need(const struct ci_reader *r, const struct yaml *y, struct ci_need *out, struct err *e)
{
    *out = (struct ci_need){ .artifacts = true, .at = y };
    if (ci_absent(y))
        return ci_wrong_type(r, y, "needs", "a list of jobs", e);
    if (y->type != YAML_MAP)
        return ci_text(r, y, "needs", &out->name, e);
    if (ci_check_keys(r, y, IN_NEED, e) < 0)
        return -1;
    if (ci_absent(yaml_get(y, "job")))
        return ci_problem(r, y, e, "`needs` has a map without `job`");
    if (ci_text(r, yaml_get(y, "job"), "job", &out->name, e) < 0 ||
        read_flag(r, yaml_get(y, "optional"), "optional", &out->optional, e) < 0 ||
        read_flag(r, yaml_get(y, "artifacts"), "artifacts", &out->artifacts, e) < 0)
        return -1;
    return ci_parallel_needed(r, yaml_get(y, "parallel"), out->name, &out->matrix, e);
}

/* Of another project, which a line says to be on a server; or of another pipeline. */
static bool is_elsewhere(const struct yaml *y)
{
    return yaml_get(y, "project") || yaml_get(y, "pipeline");
}

static int read_elsewhere(const struct ci_reader *r, const struct yaml *y, struct ci_needs *out, struct err *e)
{
    const struct yaml *pipeline = yaml_get(y, "pipeline"), *job = yaml_get(y, "job");
    bool artifacts = true;

    if (ci_check_keys(r, y, IN_NEED, e) < 0 || read_flag(r, yaml_get(y, "artifacts"), "artifacts", &artifacts, e) < 0)
        return -1;
    if (!job || job->type != YAML_SCALAR || job->tag)
        return ci_problem(r, y, e, "`needs` of another %s wants a `job`", pipeline ? "pipeline" : "project");
    if (!pipeline || !artifacts)
        return 0;
    if (pipeline->type != YAML_SCALAR || pipeline->tag || yaml_get(y, "project"))
        return ci_problem(r, y, e, "`pipeline` in `needs` is the id of a pipeline of this project, such as $PARENT_PIPELINE_ID");
    out->outer = xreallocarray(out->outer, out->n_outer + 1, sizeof(*out->outer));
    out->outer[out->n_outer++] = (struct ci_outer_need){ pipeline->text, job->text };
    return 0;
}

/* Lists in lists come by !reference. */
static int read_list(const struct ci_reader *r, const struct yaml *y, int depth, struct ci_needs *out, struct err *e)
{
    if (y->type != YAML_LIST || y->tag)
        return ci_wrong_type(r, y, "needs", "a list of jobs", e);
    if (depth == NEEDS_DEPTH)
        return ci_problem(r, y, e, "`needs` has lists more than %d deep", NEEDS_DEPTH);
    for (size_t i = 0; i < y->n; i++) {
        const struct yaml *item = y->items[i];
        bool is_list = item->type == YAML_LIST && !item->tag;
        if (is_list ? read_list(r, item, depth + 1, out, e) < 0 : is_elsewhere(item) && read_elsewhere(r, item, out, e) < 0)
            return -1;
        if (is_list || is_elsewhere(item))
            continue;
        if (out->n == NEEDS_MAX)
            return ci_problem(r, y, e, "`needs` names more than %zu jobs", NEEDS_MAX);
        out->items = xreallocarray(out->items, out->n + 1, sizeof(*out->items));
        if (read_need(r, item, &out->items[out->n++], e) < 0)
            return -1;
    }
    return 0;
}

const struct yaml *ci_needs_mirror(const struct yaml *y)
{
    return yaml_get(y, "job") ? NULL : yaml_get(y, "pipeline");
}

int ci_needs(const struct ci_reader *r, const struct yaml *y, struct ci_needs *out, struct err *e)
{
    if (ci_absent(y) || ci_needs_mirror(y))
        return 0;
    out->given = true;
    return read_list(r, y, 0, out, e);
}

void ci_needs_release(struct ci_needs *needs)
{
    for (size_t i = 0; i < needs->n; i++) {
        free(needs->items[i].name);
        ci_parallel_release(&needs->items[i].matrix);
    }
    free(needs->items);
    free(needs->outer);
    *needs = (struct ci_needs){ 0 };
}

/* ---- Which jobs these are ---- */

static int undefined(const struct ci_file *f, const struct ci_job *job, const struct ci_need *need, struct err *e)
{
    auto_free char *name = text_quote(job->name);
    auto_free char *shown = text_quote(need->name);
    const char *near = ci_file_nearest(f, need->name);

    return yaml_error(e, ERR_JOB, need->at->file, need->at, "job `%s`: undefined need: `%s`; there is no such job%s%s%s", name,
                      shown, near ? "; did you mean `" : "", near ? near : "", near ? "`?" : "");
}

static int check_need(const struct ci_file *f, const struct ci_job *job, const struct ci_need *need, struct err *e)
{
    size_t n;
    struct ci_job *const *others = ci_file_named(f, need->name, &n);

    if (n == 0)
        return need->optional ? 0 : undefined(f, job, need, e);
    if (others[0]->stage <= job->stage)
        return 0;
    auto_free char *name = text_quote(job->name);
    auto_free char *shown = text_quote(need->name);
    return yaml_error(e, ERR_JOB, need->at->file, need->at,
                      "job `%s`: need `%s` is not defined in current or prior stages", name, shown);
}

static int check_needs(const struct ci_file *f, const struct ci_job *job, const struct ci_needs *needs, struct err *e)
{
    for (size_t i = 0; i < needs->n; i++)
        if (check_need(f, job, &needs->items[i], e) < 0)
            return -1;
    return 0;
}

int ci_check_needs(const struct ci_file *f, const struct ci_job *job, struct err *e)
{
    if (check_needs(f, job, &job->needs, e) < 0)
        return -1;
    for (size_t i = 0; i < job->rules.n; i++)
        if (check_needs(f, job, &job->rules.items[i].needs, e) < 0)
            return -1;
    return 0;
}
