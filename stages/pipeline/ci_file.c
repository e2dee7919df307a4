#include "stages/pipeline/ci_file.h"

#include "base/text.h"
#include "stages/pipeline/ci_value.h"

#include <stddef.h>
#include <string.h>

/* Parallel ones each counted: what 256 MB of memory bear. */
#define JOBS_MAX ((size_t)50000)

/* GitLab gives them to no job. */
static const char *const no_names[] = { "true", "false", "nil", "pages:deploy", NULL };

/* What a job takes unless it says otherwise: below default:, or at the top of the
 * file in the older manner. Borrowed from the tree. */
struct defaults {
    const struct yaml *image;
    const struct yaml *services;
    const struct yaml *before_script;
    const struct yaml *after_script;
    const struct yaml *cache;
    const struct yaml *artifacts;
    const struct yaml *retry;
    const struct yaml *timeout;
    const struct yaml *hooks;
};

/* The same by name, for `inherit`. */
static const struct {
    const char *name;
    size_t at;
    bool only_below_default; /* at the top it would be a job's name */
} defaults[] = {
    { "image", offsetof(struct defaults, image), false },
    { "services", offsetof(struct defaults, services), false },
    { "before_script", offsetof(struct defaults, before_script), false },
    { "after_script", offsetof(struct defaults, after_script), false },
    { "cache", offsetof(struct defaults, cache), false },
    { "artifacts", offsetof(struct defaults, artifacts), true },
    { "retry", offsetof(struct defaults, retry), true },
    { "timeout", offsetof(struct defaults, timeout), true },
    { "hooks", offsetof(struct defaults, hooks), true },
};

static const struct yaml **default_at(struct defaults *d, size_t i)
{
    return (const struct yaml **)(void *)((char *)d + defaults[i].at);
}

/* Whether the reading ends with this: unless all of its problems are wanted, or there was none. */
static bool ends(const struct ci_reader *r, int rc, struct err *e)
{
    return rc < 0 && !ci_noted(r, e);
}

static int read_defaults(const struct ci_reader *r, const struct yaml *root, struct defaults *d, struct err *e)
{
    for (size_t i = 0; i < ARRAY_SIZE(defaults); i++) {
        const char *name = defaults[i].name;
        const struct yaml *y = yaml_get(yaml_get(root, "default"), name);
        const struct yaml *older = defaults[i].only_below_default ? NULL : yaml_get(root, name);
        if (!ci_absent(y) && !ci_absent(older) &&
            ends(r, ci_key_problem(r, older, e, "`%s` is here and in `default`; only one can be", name), e))
            return -1;
        *default_at(d, i) = ci_absent(y) ? older : y;
    }
    return 0;
}

static int check_defaults(const struct ci_reader *r, const struct defaults *d, struct ci_job *job, struct err *e)
{
    if (ends(r, ci_image(r, d->image, &job->image, e), e) || ends(r, ci_services(r, d->services, job, e), e) ||
        ends(r, ci_script(r, d->before_script, "before_script", &job->script, e), e) ||
        ends(r, ci_script(r, d->after_script, "after_script", &job->after_script, e), e) ||
        ends(r, ci_caches(r, d->cache, job, e), e) || ends(r, ci_artifacts(r, d->artifacts, &job->artifacts, e), e) ||
        ends(r, ci_retry(r, d->retry, &job->retry, e), e) || ends(r, ci_timeout(r, d->timeout, &job->timeout, e), e) ||
        ends(r, ci_hooks(r, d->hooks, job, e), e))
        return -1;
    return 0;
}

/* Also what no job takes must be right. What is to be said of it is said of the jobs. */
static int try_defaults(const struct ci_reader *r, const struct defaults *d, struct err *e)
{
    auto_strvec said = STRVEC_INIT;
    const struct ci_reader own = { r->file, NULL, &said, r->problems, NULL, NULL };
    struct ci_job *job = xcalloc(1, sizeof(*job));
    struct ci_file f = { .jobs = job, .n = 1 };
    int rc = check_defaults(&own, d, job, e);

    ci_file_release(&f);
    return rc;
}

/* The job's own, or what is said for all. */
static const struct yaml *or_default(const struct yaml *job, const char *keyword, const struct yaml *otherwise)
{
    const struct yaml *y = yaml_get(job, keyword);
    return ci_absent(y) ? otherwise : y;
}

/* A keyword without which it would be another job. */
static void read_barred(const struct ci_reader *r, const struct yaml *y, const struct ci_file *f, struct ci_job *job)
{
    auto_free char *name = text_quote(r->job);

    for (size_t i = 0; i < y->n && !job->barred; i++) {
        const struct yaml *member = y->items[i];
        const struct keyword *k = keyword_find(member->key, IN_JOB);
        if (k && k->use == KEYWORD_BARRED)
            job->barred = xasprintf("%s:%d:%d: keyword `%s` in job `%s` is not supported yet: %s", member->file,
                                    member->key_line, member->key_column, k->name, name, k->text);
    }
    if (!job->barred && ci_missing_part(&f->tree, y->key))
        job->barred = xasprintf("%s:%d:%d: job `%s` is not whole: what it extends or refers to is in no file that is here",
                                y->file, y->key_line, y->key_column, name);
    if (job->barred)
        strvec_pushf(r->warnings, "%s; the job cannot run here", job->barred);
}

/* Its `script` may be there, misspelt: that has been said. */
static bool has_unknown_keys(const struct yaml *job)
{
    for (size_t i = 0; i < job->n; i++)
        if (!keyword_find(job->items[i]->key, IN_JOB))
            return true;
    return false;
}

/* Of a script with so many entries. Empty lists in a list are taken as GitLab takes them. */
static bool is_blank(const struct yaml *script, size_t n)
{
    return n == 0 ? !script || script->n == 0 : (script->type == YAML_SCALAR && !script->text[strspn(script->text, " \t\n")]);
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
    const struct yaml *script = yaml_get(y, "script"), *run = yaml_get(y, "run");
    if (ci_script(r, script, "script", &job->script, e) < 0)
        return -1;
    if (run && (script || yaml_get(y, "before_script") || yaml_get(y, "after_script")))
        return ci_key_problem(r, run, e, "a job cannot have both `run` and a script");
    if (is_blank(script, job->script.n - n) && !job->barred && !job->trigger.given && !has_unknown_keys(y)) {
        auto_free char *name = text_quote(r->job);
        return ci_key_problem(r, y, e, "job `%s` has no `script`; add one, or hide the job: `.%s`", name, name);
    }
    return ci_script(r, after, "after_script", &job->after_script, e);
}

/* `inherit: default`: true, false or a list of keywords. */
static int inherit_defaults(const struct ci_reader *r, const struct yaml *y, struct defaults *d, struct err *e)
{
    auto_strvec names = STRVEC_INIT;
    bool all = false;

    if (ci_absent(y))
        return 0;
    if (y->type == YAML_SCALAR ? yaml_bool(y, &all) < 0 : ci_texts(r, y, "default", &names, e) < 0)
        return ci_wrong_type(r, y, "default", "true, false or a list of keywords", e);
    for (size_t i = 0; i < names.n; i++) {
        auto_free char *shown = text_quote(names.items[i]);
        if (!keyword_find(names.items[i], IN_DEFAULT))
            return ci_problem(r, y, e, "`inherit` names `%s`, which is no keyword of `default`", shown);
    }
    for (size_t i = 0; i < ARRAY_SIZE(defaults); i++)
        if (!all && !strvec_has(&names, defaults[i].name))
            *default_at(d, i) = NULL;
    return 0;
}

static int inherit_variables(const struct ci_reader *r, const struct yaml *y, struct ci_job *job, struct err *e)
{
    bool all = false;

    if (ci_absent(y))
        return 0;
    if (y->type == YAML_SCALAR && yaml_bool(y, &all) < 0)
        return ci_wrong_type(r, y, "variables", "true, false or a list of names", e);
    job->inherits_some = !all;
    return y->type == YAML_SCALAR ? 0 : ci_texts(r, y, "variables", &job->inherited, e);
}

static int read_inherit(const struct ci_reader *r, const struct yaml *y, struct defaults *d, struct ci_job *job,
                        struct err *e)
{
    if (ci_absent(y))
        return 0;
    if (y->type != YAML_MAP)
        return ci_wrong_type(r, y, "inherit", "a map of `default` and `variables`", e);
    if (ci_check_keys(r, y, IN_INHERIT, e) < 0 || inherit_defaults(r, yaml_get(y, "default"), d, e) < 0)
        return -1;
    return inherit_variables(r, yaml_get(y, "variables"), job, e);
}

/* Rules say it themselves. */
static int read_delay(const struct ci_reader *r, const struct yaml *y, struct ci_job *job, struct err *e)
{
    const struct yaml *start_in = yaml_get(y, "start_in");

    if (!ci_absent(start_in) && job->rules.given)
        return ci_key_problem(r, start_in, e, "`start_in` may not be used with `rules`; write it into the rule");
    if (job->when == WHEN_DELAYED)
        return ci_delay(r, yaml_get(y, "when"), start_in, &job->start_in, e);
    return ci_absent(start_in) ? 0 : ci_key_problem(r, start_in, e, "`start_in` wants `when: delayed`");
}

/* What decides whether, when and how often it runs. */
static int read_course(const struct ci_reader *r, const struct yaml *y, const struct defaults *d, struct ci_job *job,
                       struct err *e)
{
    const struct yaml *rules = yaml_get(y, "rules");
    const struct yaml *older = yaml_get(y, yaml_get(y, "only") ? "only" : "except");

    if (!ci_absent(rules) && !ci_absent(older))
        return ci_key_problem(r, older, e, "`%s` may not be used with `rules`; write it as a rule", older->key);
    if (ends(r, ci_only(r, yaml_get(y, "only"), job, e), e) || ends(r, ci_except(r, yaml_get(y, "except"), job, e), e) ||
        ends(r, ci_rules(r, rules, IN_RULE, &job->rules, e), e) ||
        ends(r, ci_needs(r, yaml_get(y, "needs"), &job->needs, e), e) ||
        ends(r, ci_retry(r, or_default(y, "retry", d->retry), &job->retry, e), e) ||
        ends(r, ci_coverage(r, yaml_get(y, "coverage"), &job->coverage, e), e) ||
        ends(r, ci_timeout(r, or_default(y, "timeout", d->timeout), &job->timeout, e), e) ||
        ends(r, ci_text(r, yaml_get(y, "resource_group"), "resource_group", &job->resource_group, e), e) ||
        ends(r, ci_when(r, yaml_get(y, "when"), &job->when, e), e))
        return -1;
    if (read_delay(r, y, job, e) < 0)
        return -1;
    /* A manual job that nobody starts does not hold up the others, unless it says so. */
    job->allow_failure = job->when == WHEN_MANUAL;
    return ci_allow_failure(r, yaml_get(y, "allow_failure"), job, e);
}

/* A job that mirrors another project's pipeline has no script either. */
static int read_trigger(const struct ci_reader *r, const struct yaml *y, struct ci_job *job, struct err *e)
{
    const struct yaml *mirrored = ci_needs_mirror(yaml_get(y, "needs"));
    auto_free char *name = text_quote(r->job);

    if (mirrored) {
        job->trigger.given = true;
        strvec_pushf(r->warnings, "%s:%d:%d: keyword `pipeline` in job `%s` has no effect here: another project's pipeline is "
                     "on its server", mirrored->file, mirrored->key_line, mirrored->key_column, name);
    }
    if (ci_absent(yaml_get(y, "trigger")))
        return 0;
    return ci_trigger(r, yaml_get(y, "trigger"), &job->trigger, e) < 0 ? -1 : ci_check_trigger_job(r, y, e);
}

/* With the defaults that it has no own values for. */
static int weigh_job(struct ci_file *f, const struct yaml *y, struct defaults *d, struct err *e)
{
    if (ci_weigh_value(f, y, y, e) < 0)
        return -1;
    for (size_t i = 0; i < ARRAY_SIZE(defaults); i++)
        if (ci_absent(yaml_get(y, defaults[i].name)) && ci_weigh_value(f, y, *default_at(d, i), e) < 0)
            return -1;
    return 0;
}

static int read_job(const struct ci_reader *r, const struct yaml *y, const struct defaults *all, struct ci_file *f,
                    struct ci_job *job, struct err *e)
{
    struct defaults d = *all;

    if (ci_check_keys(r, y, IN_JOB, e) < 0)
        return -1;
    read_barred(r, y, f, job);
    if (ends(r, read_inherit(r, yaml_get(y, "inherit"), &d, job, e), e) || weigh_job(f, y, &d, e) < 0 ||
        ends(r, ci_stage(r, y, &f->stages, &job->stage, e), e) ||
        ends(r, read_trigger(r, y, job, e), e) || ends(r, read_scripts(r, y, &d, job, e), e) ||
        ends(r, ci_image(r, or_default(y, "image", d.image), &job->image, e), e) ||
        ends(r, ci_services(r, or_default(y, "services", d.services), job, e), e) ||
        ends(r, ci_variables(r, yaml_get(y, "variables"), IN_JOB_VARIABLE, &job->variables, e), e) ||
        ends(r, ci_environment(r, yaml_get(y, "environment"), &job->environment, e), e) ||
        ends(r, ci_caches(r, or_default(y, "cache", d.cache), job, e), e) ||
        ends(r, ci_artifacts(r, or_default(y, "artifacts", d.artifacts), &job->artifacts, e), e) ||
        ends(r, ci_pages(r, y, &job->artifacts, e), e) ||
        ends(r, ci_hooks(r, or_default(y, "hooks", d.hooks), job, e), e) ||
        ends(r, ci_dependencies(r, yaml_get(y, "dependencies"), job, e), e))
        return -1;
    return read_course(r, y, &d, job, e);
}

/* Jobs come and go in powers of two. Counted first, so that a half-read one is released too. */
static struct ci_job *next_job(struct ci_file *f, const struct yaml *y, const char *name)
{
    if ((f->n & (f->n - 1)) == 0)
        f->jobs = xreallocarray(f->jobs, f->n ? 2 * f->n : 1, sizeof(*f->jobs));
    f->jobs[f->n] = (struct ci_job){ .name = xstrdup(name), .base = xstrdup(y->key), .at = y };
    return &f->jobs[f->n++];
}

/* What no shell could have is there for the jobs' names alone. */
static void add_matrix(const struct ci_reader *r, const struct yaml *y, const struct variables *matrix, struct ci_job *job)
{
    for (size_t i = 0; i < matrix->n; i++) {
        const struct variable *v = &matrix->items[i];
        if (variables_key_valid(v->key))
            variables_add(&job->variables, v->key, v->value, v->flags);
        else
            strvec_pushf(r->warnings, "%s:%d:%d: `%s` in `matrix` is no name that a shell's variable can have: the job's "
                         "script does not see it", y->file, y->key_line, y->key_column, v->key);
    }
}

/* Each of them is read anew. What is to be said of them is said once. */
static int add_instances(const struct ci_reader *r, const struct yaml *y, const struct defaults *d,
                         const struct ci_parallel *all, struct ci_file *f, struct err *e)
{
    auto_strvec said = STRVEC_INIT;

    for (size_t i = 0; i < all->n; i++) {
        const struct ci_reader own = { r->file, r->job, i == 0 ? r->warnings : &said, r->problems, &all->items[i].variables,
                                       i == 0 ? r->said : NULL };
        struct ci_job *job = next_job(f, y, all->items[i].name);
        job->node = i + 1;
        job->nodes = all->n;
        if (read_job(&own, y, d, f, job, e) < 0)
            return -1;
        add_matrix(&own, y, &all->items[i].variables, job);
    }
    return 0;
}

static int add_job(const struct ci_reader *file, const struct yaml *y, const struct defaults *d, struct ci_file *f,
                   struct err *e)
{
    struct ci_reader r = { file->file, y->key, file->warnings, file->problems, NULL, file->said };
    __attribute__((cleanup(ci_parallel_release))) struct ci_parallel parallel = { 0 };
    const char *near = keyword_nearest(y->key, IN_FILE);
    auto_free char *name = text_quote(y->key);

    if (!*y->key)
        return ci_key_problem(file, y, e, "a job's name cannot be empty");
    if (strlen(y->key) > CI_NAME_MAX)
        return ci_key_problem(file, y, e, "a job's name has more than %zu characters", CI_NAME_MAX);
    if (text_is_any(y->key, no_names))
        return ci_key_problem(file, y, e, "`%s` cannot be a job's name", name);
    if (y->type != YAML_MAP || (near && !yaml_get(y, "script")))
        return ci_key_problem(file, y, e, "`%s` is neither a keyword nor a job with a `script`%s%s%s", name,
                              near ? "; did you mean `" : "", near ? near : "", near ? "`?" : "");
    if (ci_parallel(&r, yaml_get(y, "parallel"), y->key, &parallel, e) < 0)
        return -1;
    if (f->n + parallel.n >= JOBS_MAX)
        return ci_key_problem(file, y, e, "more than %zu jobs", JOBS_MAX);
    if (parallel.n > 0)
        return add_instances(&r, y, d, &parallel, f, e);
    return read_job(&r, y, d, f, next_job(f, y, y->key), e);
}

static int check_top(const struct ci_reader *r, const struct yaml *root, struct err *e)
{
    const struct yaml *y_default = yaml_get(root, "default");

    for (size_t i = 0; i < root->n; i++) {
        const struct yaml *y = root->items[i];
        if (keyword_find(y->key, IN_FILE) && ci_check_key(r, y, IN_FILE, e) < 0)
            return -1;
    }
    if (ci_absent(y_default))
        return 0;
    if (y_default->type != YAML_MAP)
        return ci_problem(r, y_default, e, "`default` is %s; it must be a map of keywords", yaml_type_name(y_default));
    return ci_check_keys(r, y_default, IN_DEFAULT, e);
}

static int read_jobs(const struct ci_reader *r, const struct yaml *root, struct ci_file *f, struct err *e)
{
    struct defaults d;

    if (read_defaults(r, root, &d, e) < 0 || try_defaults(r, &d, e) < 0)
        return -1;
    for (size_t i = 0; i < root->n; i++) {
        const struct yaml *y = root->items[i];
        size_t before = f->n;
        if (*y->key == '.' || keyword_find(y->key, IN_FILE) || add_job(r, y, &d, f, e) == 0)
            continue;
        if (ci_too_heavy(f) || !ci_noted(r, e))
            return -1;
        ci_file_drop(f, before);
    }
    return 0;
}

static int check_dependencies(const struct ci_reader *file, struct ci_file *f, struct err *e)
{
    for (size_t i = 0; i < f->n; i++) {
        struct ci_job *job = &f->jobs[i];
        const struct ci_reader r = { file->file, job->name, file->warnings, NULL, NULL, NULL };
        bool good = ci_check_needs(f, job, e) == 0 &&
                    ci_check_dependencies(&r, yaml_get(job->at, "dependencies"), f, job, e) == 0 &&
                    ci_check_environment(f, job, e) == 0;
        if (!good && (ci_too_heavy(f) || (!ci_noted(file, e) && !ci_tree_excused(&f->tree, e))))
            return -1;
    }
    return 0;
}

static int read_root(const struct ci_reader *r, const struct yaml *root, struct ci_file *f, struct err *e)
{
    if (root->type != YAML_MAP)
        return err_set(e, ERR_JOB, 0, "%s: there is no job in it: it is %s; write at least `NAME: { script: COMMAND }`",
                       r->file, root->type == YAML_NULL ? "empty" : yaml_type_name(root));
    if (check_top(r, root, e) < 0 || ci_workflow(r, yaml_get(root, "workflow"), f, e) < 0 ||
        ci_stages(r, yaml_get(root, "stages"), &f->stages, e) < 0 ||
        ci_variables(r, yaml_get(root, "variables"), IN_VARIABLE, &f->variables, e) < 0)
        return -1;
    if (f->tree.missing.n > 0)
        ci_add_missing_stages(root, f);
    if (read_jobs(r, root, f, e) < 0)
        return -1;
    /* What others are missing that could not be read is no problem of theirs. */
    if (r->problems && r->problems->n > 0)
        return 0;
    if (f->n == 0)
        return err_set(e, ERR_JOB, 0, "%s: there is no job in it; write at least `NAME: { script: COMMAND }`", r->file);
    ci_file_sort(f);
    return check_dependencies(r, f, e);
}

static int read_file(const char *name, const char *text, size_t len, const struct ci_world *w, struct strvec *problems,
                     struct ci_file *out, struct err *e)
{
    auto_ci_file f = CI_FILE_INIT;
    auto_strvec said = STRVEC_INIT;
    struct ci_reader r = { name, NULL, &f.warnings, problems, NULL, problems ? NULL : &said };

    f.tree.problems = problems;
    if (ci_tree_read(name, text, len, w, &f.tree, e) < 0)
        return -1;
    strvec_push_all(&f.warnings, &f.tree.notes);
    /* What cannot be put together is not read: most of what would be wrong with it were only consequences. */
    if (!(problems && problems->n > 0) && read_root(&r, f.tree.root, &f, e) < 0)
        return -1;
    *out = f;
    f = (struct ci_file)CI_FILE_INIT;
    return 0;
}

int ci_file_parse(const char *name, const char *text, size_t len, const struct ci_world *w, struct ci_file *out,
                  struct err *e)
{
    return read_file(name, text, len, w, NULL, out, e);
}

int ci_file_check(const char *name, const char *text, size_t len, const struct ci_world *w, struct ci_file *out,
                  struct strvec *problems)
{
    auto_err e = ERR_INIT;

    if (read_file(name, text, len, w, problems, out, &e) < 0)
        strvec_push(problems, err_text(&e));
    return problems->n > 0 ? -1 : 0;
}
