/* stages/pipeline/ci_files.c: `cache`, `artifacts` and `dependencies`. */
#include "stages/pipeline/ci_value.h"

#include "base/text.h"

#include <ctype.h>
#include <string.h>

/* GitLab's limits. */
#define CACHES_MAX    ((size_t)4)
#define KEY_FILES_MAX ((size_t)2)
#define FALLBACK_KEYS_MAX ((size_t)5)
#define EXPOSED_MAX ((size_t)100)

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
    while (*key == '.' || strncasecmp(key, "%2e", 3) == 0)
        key += *key == '.' ? 1 : 3;
    if (!*key)
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
    if (ci_list(r, list, keyword, &out->key_files, e) < 0 ||
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
    if (ci_list(r, y, "fallback_keys", &out->fallback_keys, e) < 0)
        return -1;
    if (out->fallback_keys.n > FALLBACK_KEYS_MAX)
        return ci_problem(r, y, e, "`fallback_keys` has %zu keys; it can have %zu", out->fallback_keys.n, FALLBACK_KEYS_MAX);
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
    bool unprotect; /* as all caches are here: no branch is protected */

    if (y->type != YAML_MAP || y->tag)
        return ci_wrong_type(r, y, "cache", "a map, or a list of maps", e);
    if (ci_check_keys(r, y, IN_CACHE, e) < 0 || read_key(r, yaml_get(y, "key"), out, e) < 0 ||
        read_fallback_keys(r, yaml_get(y, "fallback_keys"), out, e) < 0 ||
        ci_list(r, yaml_get(y, "paths"), "paths", &out->paths, e) < 0 ||
        ci_flag(r, yaml_get(y, "untracked"), "untracked", &out->untracked, e) < 0 ||
        ci_flag(r, yaml_get(y, "unprotect"), "unprotect", &unprotect, e) < 0 ||
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

static const char *const coverage_formats[] = { "cobertura", "jacoco", NULL };

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
    if (!format || !text_is_any(format, coverage_formats))
        return ci_problem(r, y, e, "`coverage_report` wants a `coverage_format`: cobertura or jacoco");
    if (out->paths.n == 0)
        return ci_problem(r, y, e, "`coverage_report` wants a `path`: that of its file");
    out->kind = report_kind_find(format);
    return 0;
}

static int read_report(const struct ci_reader *r, const struct yaml *y, struct ci_report *out, struct err *e)
{
    if (strcmp(y->key, "coverage_report") == 0)
        return ci_absent(y) ? 0 : read_coverage(r, y, out, e);
    /* GitLab took `reports: cobertura` out. */
    if (text_is_any(y->key, coverage_formats))
        return ci_key_problem(r, y, e, "unknown report `%s`; write `coverage_report: {coverage_format: %s, path: ...}`", y->key,
                              y->key);
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

/* What merge requests show. It does nothing here, yet GitLab makes no pipeline of one that is wrong. */
static int check_exposed(const struct ci_reader *r, const struct yaml *y, const struct strvec *paths, struct err *e)
{
    auto_free char *name = NULL;

    if (ci_text(r, y, "expose_as", &name, e) < 0)
        return -1;
    if (!name)
        return 0;
    for (size_t i = 0; name[i]; i++)
        if (i == EXPOSED_MAX || !(isalnum((unsigned char)name[i]) || name[i] == '_' || (i > 0 && strchr("- ", name[i]))))
            return ci_problem(r, y, e, "`expose_as` can have letters, digits, `-`, `_` and blanks, and %zu of them", EXPOSED_MAX);
    if (paths->n == 0)
        return ci_problem(r, y, e, "`expose_as` wants `paths` beside it");
    for (size_t i = 0; i < paths->n; i++)
        if (strchr(paths->items[i], '*'))
            return ci_problem(r, y, e, "`paths` cannot have a `*` beside `expose_as`");
    return 0;
}

/* Who may have them, on a server. */
static int check_access(const struct ci_reader *r, const struct yaml *y, struct err *e)
{
    static const char *const who[] = { "none", "developer", "maintainer", "all", NULL };
    const struct yaml *public = yaml_get(y, "public"), *access = yaml_get(y, "access");
    bool flag;

    if (!ci_absent(public) && !ci_absent(access))
        return ci_key_problem(r, access, e, "`access` and `public` cannot be used together; `access` is the newer one");
    return ci_flag(r, public, "public", &flag, e) < 0 ? -1 : ci_choice(r, access, "access", who, NULL, e);
}

int ci_artifacts(const struct ci_reader *r, const struct yaml *y, struct ci_artifacts *out, struct err *e)
{
    if (ci_absent(y))
        return 0;
    if (y->type != YAML_MAP || y->tag)
        return ci_wrong_type(r, y, "artifacts", "a map of `paths` and more", e);
    if (ci_check_keys(r, y, IN_ARTIFACTS, e) < 0 || ci_list(r, yaml_get(y, "paths"), "paths", &out->paths, e) < 0 ||
        ci_list(r, yaml_get(y, "exclude"), "exclude", &out->exclude, e) < 0 ||
        ci_flag(r, yaml_get(y, "untracked"), "untracked", &out->untracked, e) < 0 ||
        ci_text(r, yaml_get(y, "name"), "name", &out->name, e) < 0 ||
        read_when(r, yaml_get(y, "when"), &out->when, e) < 0 ||
        ci_period(r, yaml_get(y, "expire_in"), "expire_in", e) < 0 || check_access(r, y, e) < 0 ||
        check_exposed(r, yaml_get(y, "expose_as"), &out->paths, e) < 0)
        return -1;
    return read_reports(r, yaml_get(y, "reports"), out, e);
}

/* What a job for GitLab Pages publishes is one of its artifacts. */
int ci_pages(const struct ci_reader *r, const struct yaml *job, struct ci_artifacts *out, struct err *e)
{
    const struct yaml *pages = yaml_get(job, "pages");
    auto_free char *folder = xstrdup("public");
    bool is_one = strcmp(job->key, "pages") == 0; /* the older manner */

    if (pages && pages->type == YAML_MAP)
        is_one = true;
    else if (!ci_absent(pages) && yaml_bool(pages, &is_one) < 0)
        return ci_wrong_type(r, pages, "pages", "true, false or a map", e);
    if (!is_one)
        return 0;
    if (ci_text(r, yaml_get(job, "publish"), "publish", &folder, e) < 0 ||
        ci_text(r, yaml_get(pages, "publish"), "publish", &folder, e) < 0)
        return -1;
    if (!strvec_has(&out->paths, folder))
        strvec_push(&out->paths, folder);
    return 0;
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
    /* What is needed may be of the same stage: ci_needs.c looks at that. And so may what is not, on a server, though
     * nothing comes of it. */
    if (others[0]->stage > job->stage)
        return "which is in no earlier stage";
    return job->needs.n > 0 && !is_needed(job, name) ? "which is not part of its `needs`" : NULL;
}

static void warn_of_stage(const struct ci_reader *r, const struct yaml *y, const char *other)
{
    auto_free char *shown = text_quote(other);
    auto_free char *name = text_quote(r->job);

    strvec_pushf(r->warnings, "%s:%d:%d: `dependencies` of job `%s` names `%s`, which is in the same stage: nothing is taken from "
                 "it without `needs`", y->file, y->line, y->column, name, shown);
}

int ci_check_dependencies(const struct ci_reader *r, const struct yaml *y, struct ci_file *f, struct ci_job *job,
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
            const char *near = n == 0 ? ci_file_meant(f, job->dependencies.items[i]) : NULL;
            return ci_problem(r, y, e, "`dependencies` of job `%s` names `%s`, %s%s%s%s", name, shown, refusal,
                              near ? "; did you mean `" : "", near ? near : "", near ? "`?" : "");
        }
        bool none = others[0]->stage == job->stage && !job->needs.given;
        if (none)
            warn_of_stage(r, y, others[0]->base);
        for (size_t k = 0; k < n && !none; k++)
            strvec_push(&names, others[k]->name);
        if (!none && ci_weigh(f, y, n * CI_VALUE_WEIGHT, e) < 0)
            return -1;
    }
    strvec_release(&job->dependencies);
    job->dependencies = names;
    names = (struct strvec)STRVEC_INIT;
    return 0;
}
