/* stages/pipeline/ci_needs.c: `needs`: which jobs a job waits for, in the place of all earlier stages. */
#include "stages/pipeline/ci_value.h"

#include "base/text.h"

#include <string.h>

/* GitLab's. */
#define NEEDS_MAX   ((size_t)50)
#define NEEDS_DEPTH 10
#define NEEDS_ELSEWHERE_MAX ((size_t)5)
#define NAME_MAX_NEEDED ((size_t)128)

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
        ci_flag(r, yaml_get(y, "optional"), "optional", &out->optional, e) < 0 ||
        ci_flag(r, yaml_get(y, "artifacts"), "artifacts", &out->artifacts, e) < 0)
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

    if (ci_check_keys(r, y, IN_NEED, e) < 0 || ci_flag(r, yaml_get(y, "artifacts"), "artifacts", &artifacts, e) < 0)
        return -1;
    if (!job || job->type != YAML_SCALAR || job->tag)
        return ci_problem(r, y, e, "`needs` of another %s wants a `job`", pipeline ? "pipeline" : "project");
    if (!pipeline && (ci_absent(yaml_get(y, "ref")) || ci_absent(yaml_get(y, "artifacts"))))
        return ci_problem(r, y, e, "`needs` of another project wants a `ref` and `artifacts`");
    if (++*(pipeline ? &out->n_pipelines : &out->n_projects) > NEEDS_ELSEWHERE_MAX)
        return ci_problem(r, y, e, "`needs` names more than %zu jobs of other %s", NEEDS_ELSEWHERE_MAX,
                          pipeline ? "pipelines" : "projects");
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
    const char *near = ci_file_meant(f, need->name);

    return yaml_error(e, ERR_JOB, need->at->file, need->at, "job `%s`: undefined need: `%s`; there is no such job%s%s%s", name,
                      shown, near ? "; did you mean `" : "", near ? near : "", near ? "`?" : "");
}

static int too_long(const struct ci_job *job, const struct ci_need *need, struct err *e)
{
    auto_free char *name = text_quote(job->name);

    return yaml_error(e, ERR_JOB, need->at->file, need->at,
                      "job `%s` needs one whose name is too long: %zu characters can be needed", name, NAME_MAX_NEEDED);
}

static bool has_name(struct ci_job *const *jobs, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(jobs[i]->name, name) == 0)
            return true;
    return false;
}

static bool has_variables(const struct ci_job *job, const struct variables *wanted)
{
    for (size_t i = 0; i < wanted->n; i++) {
        const char *value = variables_value(&job->variables, wanted->items[i].key);
        if (!value || strcmp(value, wanted->items[i].value) != 0)
            return false;
    }
    return job->nodes > 0;
}

bool ci_need_means(const struct ci_need *need, const struct ci_job *other, struct ci_job *const *all, size_t n, bool *in_part)
{
    for (size_t i = 0; i < need->matrix.n && other->nodes > 0; i++) {
        const struct ci_instance *wanted = &need->matrix.items[i];
        if (strcmp(other->name, wanted->name) == 0)
            return true;
        if (!has_variables(other, &wanted->variables) || has_name(all, n, wanted->name))
            continue;
        *in_part = true;
        return true;
    }
    return need->matrix.n == 0 || other->nodes == 0;
}

static bool any_has_variables(struct ci_job *const *jobs, size_t n, const struct variables *wanted)
{
    for (size_t i = 0; i < n; i++)
        if (has_variables(jobs[i], wanted))
            return true;
    return false;
}

/* Each combination that it names must be one of the job's, or a part of some. */
static int check_combinations(const struct ci_job *job, const struct ci_need *need, struct ci_job *const *others, size_t n,
                              struct err *e)
{
    for (size_t i = 0; i < need->matrix.n && others[0]->nodes > 0; i++) {
        const struct ci_instance *wanted = &need->matrix.items[i];
        if (has_name(others, n, wanted->name) || any_has_variables(others, n, &wanted->variables))
            continue;
        auto_free char *name = text_quote(job->name);
        auto_free char *shown = text_quote(wanted->name);
        return yaml_error(e, ERR_JOB, need->at->file, need->at,
                          "job `%s`: undefined need: `%s`; name all variables of its `matrix`, in their order", name, shown);
    }
    return 0;
}

static int check_need(const struct ci_file *f, const struct ci_job *job, const struct ci_need *need, struct err *e)
{
    size_t n;
    struct ci_job *const *others = ci_file_named(f, need->name, &n);

    if (n == 0)
        return need->optional ? 0 : undefined(f, job, need, e);
    for (size_t i = 0; i < n; i++)
        if (strlen(others[i]->name) > NAME_MAX_NEEDED)
            return too_long(job, need, e);
    if (others[0]->stage <= job->stage)
        return need->optional ? 0 : check_combinations(job, need, others, n, e);
    auto_free char *name = text_quote(job->name);
    auto_free char *shown = text_quote(need->name);
    return yaml_error(e, ERR_JOB, need->at->file, need->at,
                      "job `%s`: need `%s` is not defined in current or prior stages", name, shown);
}

/* The jobs that a need stands for. */
static void add_names(const struct ci_file *f, const struct ci_need *need, struct strvec *out)
{
    size_t n;
    struct ci_job *const *others = ci_file_named(f, need->name, &n);

    for (size_t i = 0; i < need->matrix.n && n > 0 && others[0]->nodes > 0; i++)
        strvec_push(out, need->matrix.items[i].name);
    if (out->n > 0)
        return;
    for (size_t i = 0; i < n; i++)
        strvec_push(out, others[i]->name);
}

static int doubled(const struct ci_job *job, const struct ci_need *need, const char *what, struct err *e)
{
    auto_free char *name = text_quote(job->name);
    auto_free char *shown = text_quote(what);

    return yaml_error(e, ERR_JOB, need->at->file, need->at, "`%s` has the following needs duplicated: %s", name, shown);
}

static int too_many(const struct ci_job *job, const struct ci_need *need, struct err *e)
{
    auto_free char *name = text_quote(job->name);

    return yaml_error(e, ERR_JOB, need->at->file, need->at, "%s: one job can only need %zu others", name, NEEDS_MAX);
}

static int check_needs(const struct ci_file *f, const struct ci_job *job, const struct ci_needs *needs, struct err *e)
{
    auto_strvec all = STRVEC_INIT;

    for (size_t i = 0; i < needs->n; i++) {
        auto_strvec names = STRVEC_INIT;
        if (check_need(f, job, &needs->items[i], e) < 0)
            return -1;
        add_names(f, &needs->items[i], &names);
        for (size_t k = 0; k < names.n; k++) {
            if (strvec_has(&all, names.items[k]))
                return doubled(job, &needs->items[i], names.items[k], e);
            if (all.n == NEEDS_MAX)
                return too_many(job, &needs->items[i], e);
            strvec_push(&all, names.items[k]);
        }
    }
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
