/* stages/pipeline/ci_files.c: `cache`, `artifacts` and `dependencies`. */
#include "stages/pipeline/ci_value.h"

#include "base/text.h"

#include <string.h>

/* GitLab's limits. */
#define CACHES_MAX    ((size_t)4)
#define KEY_FILES_MAX ((size_t)2)

static int read_flag(const struct ci_reader *r, const struct yaml *y, const char *keyword, bool *out, struct err *e)
{
    if (ci_absent(y))
        return 0;
    if (yaml_bool(y, out) < 0)
        return ci_wrong_type(r, y, keyword, "true or false", e);
    return 0;
}

/* Of a job's end, which nobody starts by hand. */
static int read_when(const struct ci_reader *r, const struct yaml *y, enum ci_when *out, struct err *e)
{
    auto_free char *word = NULL;

    if (ci_text(r, y, "when", &word, e) < 0)
        return -1;
    for (enum ci_when w = WHEN_ON_SUCCESS; word && w <= WHEN_ALWAYS; w++) {
        if (strcmp(word, ci_when_name(w)) != 0)
            continue;
        *out = w;
        return 0;
    }
    auto_free char *shown = word ? text_quote(word) : NULL;
    return word ? ci_problem(r, y, e, "`when: %s` is none of on_success, on_failure and always", shown) : 0;
}

/* ---- cache ---- */

/* It names a folder: GitLab lets it hold none of the characters that lead to another one. */
static int check_key(const struct ci_reader *r, const struct yaml *y, const char *keyword, const char *key, struct err *e)
{
    auto_free char *shown = text_quote(key);

    if (strchr(key, '/') || strcasestr(key, "%2f"))
        return ci_problem(r, y, e, "`%s` is `%s`; it cannot have a /", keyword, shown);
    if (key[strspn(key, ".")] == '\0')
        return ci_problem(r, y, e, "`%s` is `%s`; it cannot be made of dots alone", keyword, shown);
    return 0;
}

static int read_key_map(const struct ci_reader *r, const struct yaml *y, struct ci_cache *out, struct err *e)
{
    const struct yaml *files = yaml_get(y, "files");
    const struct yaml *commits = yaml_get(y, "files_commits");

    if (ci_check_keys(r, y, IN_CACHE_KEY, e) < 0)
        return -1;
    if (ci_absent(files) == ci_absent(commits))
        return ci_problem(r, y, e, "`key` is a map here; it must have `files`, or `files_commits` in its place");
    out->key_by_commits = ci_absent(files);
    const struct yaml *list = out->key_by_commits ? commits : files;
    const char *keyword = out->key_by_commits ? "files_commits" : "files";
    if (ci_texts(r, list, keyword, &out->key_files, e) < 0 ||
        ci_text(r, yaml_get(y, "prefix"), "prefix", &out->key_prefix, e) < 0)
        return -1;
    if (out->key_files.n == 0 || out->key_files.n > KEY_FILES_MAX)
        return ci_problem(r, list, e, "`%s` has %zu names; it must have one or two", keyword, out->key_files.n);
    return out->key_prefix ? check_key(r, yaml_get(y, "prefix"), "prefix", out->key_prefix, e) : 0;
}

static int read_key(const struct ci_reader *r, const struct yaml *y, struct ci_cache *out, struct err *e)
{
    if (ci_absent(y))
        return 0;
    if (y->type == YAML_MAP)
        return read_key_map(r, y, out, e);
    if (ci_text(r, y, "key", &out->key, e) < 0)
        return -1;
    return check_key(r, y, "key", out->key, e);
}

static int read_fallback_keys(const struct ci_reader *r, const struct yaml *y, struct ci_cache *out, struct err *e)
{
    if (ci_texts(r, y, "fallback_keys", &out->fallback_keys, e) < 0)
        return -1;
    for (size_t i = 0; i < out->fallback_keys.n; i++)
        if (check_key(r, y, "fallback_keys", out->fallback_keys.items[i], e) < 0)
            return -1;
    return 0;
}

static int read_policy(const struct ci_reader *r, const struct yaml *y, char **out, struct err *e)
{
    static const char *const policies[] = { "pull", "push", "pull-push", NULL };

    if (ci_text(r, y, "policy", out, e) < 0)
        return -1;
    if (!*out || strchr(*out, '$') || text_is_any(*out, policies))
        return 0;
    auto_free char *shown = text_quote(*out);
    return ci_problem(r, y, e, "`policy` is `%s`; it can be pull, push and pull-push", shown);
}

static int read_cache(const struct ci_reader *r, const struct yaml *y, struct ci_cache *out, struct err *e)
{
    if (y->type != YAML_MAP || y->tag)
        return ci_wrong_type(r, y, "cache", "a map, or a list of maps", e);
    if (ci_check_keys(r, y, IN_CACHE, e) < 0 || read_key(r, yaml_get(y, "key"), out, e) < 0 ||
        read_fallback_keys(r, yaml_get(y, "fallback_keys"), out, e) < 0 ||
        ci_texts(r, yaml_get(y, "paths"), "paths", &out->paths, e) < 0 ||
        read_flag(r, yaml_get(y, "untracked"), "untracked", &out->untracked, e) < 0 ||
        read_policy(r, yaml_get(y, "policy"), &out->policy, e) < 0)
        return -1;
    return read_when(r, yaml_get(y, "when"), &out->when, e);
}

int ci_caches(const struct ci_reader *r, const struct yaml *y, struct ci_job *out, struct err *e)
{
    if (ci_absent(y))
        return 0;
    const struct yaml *const *maps = y->type == YAML_LIST ? (const struct yaml *const *)y->items : &y;
    size_t n = y->type == YAML_LIST ? y->n : 1;
    if (n > CACHES_MAX)
        return ci_problem(r, y, e, "%zu caches; a job can have %zu", n, CACHES_MAX);
    out->caches = xcalloc(n + 1, sizeof(*out->caches));
    for (size_t i = 0; i < n; i++)
        if (read_cache(r, maps[i], &out->caches[out->n_caches++], e) < 0)
            return -1;
    return 0;
}

void ci_caches_release(struct ci_cache *caches, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct ci_cache *c = &caches[i];
        free(c->key);
        free(c->key_prefix);
        free(c->policy);
        strvec_release(&c->key_files);
        strvec_release(&c->fallback_keys);
        strvec_release(&c->paths);
    }
    free(caches);
}

/* ---- artifacts ---- */

/* `coverage_report` says in itself of which kind it is. */
static int read_coverage(const struct ci_reader *r, const struct yaml *y, struct ci_report *out, struct err *e)
{
    auto_free char *format = NULL;

    if (y->type != YAML_MAP || y->tag)
        return ci_wrong_type(r, y, "coverage_report", "a map of `coverage_format` and `path`", e);
    if (ci_check_keys(r, y, IN_COVERAGE, e) < 0 ||
        ci_text(r, yaml_get(y, "coverage_format"), "coverage_format", &format, e) < 0 ||
        ci_texts(r, yaml_get(y, "path"), "path", &out->paths, e) < 0)
        return -1;
    if (!format || !text_is_any(format, (const char *const[]){ "cobertura", "jacoco", NULL }))
        return ci_problem(r, y, e, "`coverage_report` wants a `coverage_format`: cobertura or jacoco");
    out->kind = report_kind_find(format);
    return 0;
}

static int read_report(const struct ci_reader *r, const struct yaml *y, struct ci_report *out, struct err *e)
{
    if (strcmp(y->key, "coverage_report") == 0)
        return ci_absent(y) ? 0 : read_coverage(r, y, out, e);
    out->kind = report_kind_find(y->key);
    if (out->kind)
        return ci_texts(r, y, y->key, &out->paths, e);
    auto_free char *shown = text_quote(y->key);
    const char *near = report_kind_nearest(y->key);
    return ci_key_problem(r, y, e, "unknown report `%s`%s%s%s", shown, near ? "; did you mean `" : "", near ? near : "",
                          near ? "`?" : "");
}

static int read_reports(const struct ci_reader *r, const struct yaml *y, struct ci_artifacts *out, struct err *e)
{
    if (ci_absent(y))
        return 0;
    if (y->type != YAML_MAP || y->tag)
        return ci_wrong_type(r, y, "reports", "a map, KIND: paths", e);
    out->reports = xcalloc(y->n + 1, sizeof(*out->reports));
    for (size_t i = 0; i < y->n; i++)
        if (read_report(r, y->items[i], &out->reports[out->n_reports++], e) < 0)
            return -1;
    return 0;
}

int ci_artifacts(const struct ci_reader *r, const struct yaml *y, struct ci_artifacts *out, struct err *e)
{
    if (ci_absent(y))
        return 0;
    if (y->type != YAML_MAP || y->tag)
        return ci_wrong_type(r, y, "artifacts", "a map of `paths` and more", e);
    if (ci_check_keys(r, y, IN_ARTIFACTS, e) < 0 || ci_texts(r, yaml_get(y, "paths"), "paths", &out->paths, e) < 0 ||
        ci_texts(r, yaml_get(y, "exclude"), "exclude", &out->exclude, e) < 0 ||
        read_flag(r, yaml_get(y, "untracked"), "untracked", &out->untracked, e) < 0 ||
        ci_text(r, yaml_get(y, "name"), "name", &out->name, e) < 0 ||
        read_when(r, yaml_get(y, "when"), &out->when, e) < 0)
        return -1;
    return read_reports(r, yaml_get(y, "reports"), out, e);
}

void ci_artifacts_release(struct ci_artifacts *a)
{
    for (size_t i = 0; i < a->n_reports; i++)
        strvec_release(&a->reports[i].paths);
    free(a->reports);
    strvec_release(&a->paths);
    strvec_release(&a->exclude);
    free(a->name);
}

/* ---- dependencies ---- */

int ci_dependencies(const struct ci_reader *r, const struct yaml *y, struct ci_job *out, struct err *e)
{
    if (ci_absent(y))
        return 0;
    if (y->type != YAML_LIST || y->tag)
        return ci_wrong_type(r, y, "dependencies", "a list of jobs", e);
    out->has_dependencies = true;
    return ci_texts(r, y, "dependencies", &out->dependencies, e);
}

static bool is_needed(const struct ci_job *job, const char *name)
{
    for (size_t i = 0; i < job->needs.n; i++)
        if (strcmp(job->needs.items[i].name, name) == 0)
            return true;
    return false;
}

/* What is wrong with that; NULL: nothing. `n`: how many jobs have that name. */
static const char *refusal_of(const struct ci_job *job, const char *name, struct ci_job *const *others, size_t n)
{
    if (n == 0)
        return "and there is no such job";
    /* What is needed may be of the same stage: ci_needs.c looks at that. */
    if (others[0]->stage > job->stage || (others[0]->stage == job->stage && !job->needs.given))
        return "which is in no earlier stage";
    return job->needs.n > 0 && !is_needed(job, name) ? "which is not part of its `needs`" : NULL;
}

int ci_check_dependencies(const struct ci_reader *r, const struct yaml *y, const struct ci_file *f, struct ci_job *job,
                          struct err *e)
{
    auto_strvec names = STRVEC_INIT;

    for (size_t i = 0; i < job->dependencies.n; i++) {
        size_t n;
        struct ci_job *const *others = ci_file_named(f, job->dependencies.items[i], &n);
        const char *refusal = refusal_of(job, job->dependencies.items[i], others, n);
        if (refusal) {
            auto_free char *shown = text_quote(job->dependencies.items[i]);
            auto_free char *name = text_quote(job->name);
            const char *near = n == 0 ? ci_file_nearest(f, job->dependencies.items[i]) : NULL;
            return ci_problem(r, y, e, "`dependencies` of job `%s` names `%s`, %s%s%s%s", name, shown, refusal,
                              near ? "; did you mean `" : "", near ? near : "", near ? "`?" : "");
        }
        for (size_t k = 0; k < n; k++)
            strvec_push(&names, others[k]->name);
    }
    strvec_release(&job->dependencies);
    job->dependencies = names;
    names = (struct strvec)STRVEC_INIT;
    return 0;
}
