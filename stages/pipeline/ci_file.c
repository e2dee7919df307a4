#include "stages/pipeline/ci_file.h"

#include "base/text.h"
#include "stages/pipeline/ci_value.h"

#include <string.h>

#define STAGES_MAX ((size_t)1000)

static const char *const default_stages[] = { "build", "test", "deploy" };

/* What a job takes unless it says otherwise: below default:, or at the top of the
 * file in the older manner. Borrowed from the tree. */
struct defaults {
    const struct yaml *image;
    const struct yaml *services;
    const struct yaml *before_script;
    const struct yaml *after_script;
    const struct yaml *cache;
    const struct yaml *artifacts;
};

static const struct yaml *default_of(const struct yaml *root, const char *keyword)
{
    const struct yaml *y = yaml_get(yaml_get(root, "default"), keyword);
    return y ? y : yaml_get(root, keyword);
}

static int read_stages(const struct ci_reader *r, const struct yaml *y, struct strvec *out, struct err *e)
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
    for (size_t i = 0; y && i < y->n; i++) {
        const struct yaml *name = y->items[i];
        if (name->type != YAML_SCALAR || !*name->text)
            return ci_problem(r, name, e, "a stage is %s here; it must be a name", yaml_type_name(name));
        if (strcmp(name->text, ".post") != 0 && !strvec_has(out, name->text))
            strvec_push(out, name->text);
    }
    strvec_push(out, ".post");
    return 0;
}

static void warn_of_type(const struct ci_reader *r, const struct yaml *old)
{
    auto_free char *job = text_quote(r->job);

    strvec_pushf(r->warnings, "%s:%d:%d: keyword `type` in job `%s` has no effect here: it is an old name of `stage`, and "
                 "`stage` is there", old->file, old->key_line, old->key_column, job);
}

static int read_stage(const struct ci_reader *r, const struct yaml *job, const struct strvec *stages, size_t *out,
                      struct err *e)
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

/* The job's own, or what is said for all. */
static const struct yaml *or_default(const struct yaml *job, const char *keyword, const struct yaml *otherwise)
{
    const struct yaml *y = yaml_get(job, keyword);
    return y ? y : otherwise;
}

/* before_script and script are one script: what one changes is there for the other. */
static int read_scripts(const struct ci_reader *r, const struct yaml *y, const struct defaults *d, struct ci_job *job,
                        struct err *e)
{
    const struct yaml *before = or_default(y, "before_script", d->before_script);
    const struct yaml *after = or_default(y, "after_script", d->after_script);

    if (ci_script(r, before, "before_script", &job->script, e) < 0)
        return -1;
    size_t n = job->script.n;
    if (ci_script(r, yaml_get(y, "script"), "script", &job->script, e) < 0)
        return -1;
    if (job->script.n == n) {
        auto_free char *name = text_quote(r->job);
        return ci_key_problem(r, y, e, "job `%s` has no `script`; add one, or hide the job: `.%s`", name, name);
    }
    return ci_script(r, after, "after_script", &job->after_script, e);
}

static int read_job(const struct ci_reader *r, const struct yaml *y, const struct defaults *d, const struct ci_file *f,
                    struct ci_job *job, struct err *e)
{
    job->name = xstrdup(y->key);
    if (ci_check_keys(r, y, IN_JOB, e) < 0 || read_stage(r, y, &f->stages, &job->stage, e) < 0 ||
        read_scripts(r, y, d, job, e) < 0 ||
        ci_image(r, or_default(y, "image", d->image), &job->image, e) < 0 ||
        ci_services(r, or_default(y, "services", d->services), job, e) < 0 ||
        ci_only(r, yaml_get(y, "only"), job, e) < 0 || ci_except(r, yaml_get(y, "except"), job, e) < 0 ||
        ci_variables(r, yaml_get(y, "variables"), &job->variables, e) < 0 ||
        ci_environment(r, yaml_get(y, "environment"), &job->environment, e) < 0 ||
        ci_caches(r, or_default(y, "cache", d->cache), job, e) < 0 ||
        ci_artifacts(r, or_default(y, "artifacts", d->artifacts), &job->artifacts, e) < 0 ||
        ci_dependencies(r, yaml_get(y, "dependencies"), job, e) < 0 ||
        ci_when(r, yaml_get(y, "when"), &job->when, e) < 0)
        return -1;
    /* A manual job that nobody starts does not hold up the others, unless it says so. */
    job->allow_failure = job->when == WHEN_MANUAL;
    return ci_allow_failure(r, yaml_get(y, "allow_failure"), job, e);
}

static int add_job(const struct ci_reader *file, const struct yaml *y, const struct defaults *d, struct ci_file *f,
                   struct err *e)
{
    struct ci_reader r = { file->file, y->key, file->warnings };
    const char *near = keyword_nearest(y->key, IN_FILE);
    auto_free char *name = text_quote(y->key);

    if (!*y->key)
        return ci_key_problem(file, y, e, "a job's name cannot be empty");
    if (y->type != YAML_MAP || (near && !yaml_get(y, "script")))
        return ci_key_problem(file, y, e, "`%s` is neither a keyword nor a job with a `script`%s%s%s", name,
                              near ? "; did you mean `" : "", near ? near : "", near ? "`?" : "");
    /* The caller made room. Counted first, so that a half-read one is released too. */
    return read_job(&r, y, d, f, &f->jobs[f->n++], e);
}

static int check_top(const struct ci_reader *r, const struct yaml *root, struct err *e)
{
    const struct yaml *defaults = yaml_get(root, "default");

    for (size_t i = 0; i < root->n; i++) {
        const struct yaml *y = root->items[i];
        if (keyword_find(y->key, IN_FILE) && ci_check_key(r, y, IN_FILE, e) < 0)
            return -1;
    }
    if (!defaults || defaults->type == YAML_NULL)
        return 0;
    if (defaults->type != YAML_MAP)
        return ci_problem(r, defaults, e, "`default` is %s; it must be a map of keywords", yaml_type_name(defaults));
    return ci_check_keys(r, defaults, IN_DEFAULT, e);
}

static int check_dependencies(const struct ci_reader *file, const struct yaml *root, const struct ci_file *f, struct err *e)
{
    for (size_t i = 0; i < f->n; i++) {
        const struct ci_job *job = &f->jobs[i];
        const struct ci_reader r = { file->file, job->name, file->warnings };
        if (ci_check_dependencies(&r, yaml_get(yaml_get(root, job->name), "dependencies"), f, job, e) < 0)
            return -1;
    }
    return 0;
}

static int read_root(const struct ci_reader *r, const struct yaml *root, struct ci_file *f, struct err *e)
{
    struct defaults d = {
        default_of(root, "image"),
        default_of(root, "services"),
        default_of(root, "before_script"),
        default_of(root, "after_script"),
        default_of(root, "cache"),
        yaml_get(yaml_get(root, "default"), "artifacts"), /* at the top it is a job's name */
    };

    if (root->type != YAML_MAP)
        return err_set(e, ERR_JOB, 0, "%s: there is no job in it: it is %s; write at least `NAME: { script: COMMAND }`",
                       r->file, yaml_type_name(root));
    if (check_top(r, root, e) < 0 || read_stages(r, yaml_get(root, "stages"), &f->stages, e) < 0 ||
        ci_variables(r, yaml_get(root, "variables"), &f->variables, e) < 0)
        return -1;
    f->jobs = xcalloc(root->n + 1, sizeof(*f->jobs));
    for (size_t i = 0; i < root->n; i++) {
        const struct yaml *y = root->items[i];
        if (*y->key != '.' && !keyword_find(y->key, IN_FILE) && add_job(r, y, &d, f, e) < 0)
            return -1;
    }
    if (f->n == 0)
        return err_set(e, ERR_JOB, 0, "%s: there is no job in it; write at least `NAME: { script: COMMAND }`", r->file);
    return check_dependencies(r, root, f, e);
}

int ci_file_parse(const char *name, const char *text, size_t len, const struct ci_world *w, struct ci_file *out,
                  struct err *e)
{
    auto_ci_tree tree = CI_TREE_INIT;
    auto_ci_file f = CI_FILE_INIT;
    struct ci_reader r = { name, NULL, &f.warnings };

    if (ci_tree_read(name, text, len, w, &tree, e) < 0)
        return -1;
    strvec_push_all(&f.warnings, &tree.notes);
    if (read_root(&r, tree.root, &f, e) < 0)
        return -1;
    *out = f;
    f = (struct ci_file)CI_FILE_INIT;
    return 0;
}

static void job_release(struct ci_job *job)
{
    free(job->name);
    free(job->allowed_codes);
    ci_image_release(&job->image);
    ci_services_release(job);
    strvec_release(&job->only);
    strvec_release(&job->except);
    free(job->environment.name);
    free(job->environment.url);
    free(job->environment.action);
    free(job->environment.tier);
    variables_release(&job->variables);
    strvec_release(&job->script);
    strvec_release(&job->after_script);
    ci_caches_release(job->caches, job->n_caches);
    ci_artifacts_release(&job->artifacts);
    strvec_release(&job->dependencies);
}

void ci_file_release(struct ci_file *f)
{
    strvec_release(&f->stages);
    variables_release(&f->variables);
    for (size_t i = 0; i < f->n; i++)
        job_release(&f->jobs[i]);
    free(f->jobs);
    strvec_release(&f->warnings);
    *f = (struct ci_file)CI_FILE_INIT;
}
