#include "stages/pipeline/job_files.h"

#include "base/number.h"
#include "base/text.h"
#include "stages/pipeline/cache_key.h"

#include <string.h>

#define CACHE_TIMEOUT_MINUTES 10
#define CACHE_TIMEOUT_MAX     10000

/* ---- Caches ---- */

/* As GitLab makes it of files: "[prefix-]hash", the hash "default" when there are none of them. */
static int text_of_key(const struct ci_cache *c, struct source *source, char **out, struct err *e)
{
    auto_free char *hash = NULL;

    if (c->key_files.n == 0) {
        *out = xstrdup(c->key ? c->key : "default");
        return 0;
    }
    if (source_hash(source, &c->key_files, c->key_by_commits, &hash, e) < 0)
        return -1;
    *out = xasprintf("%s%s%s", c->key_prefix ? c->key_prefix : "", c->key_prefix ? "-" : "", hash ? hash : "default");
    return 0;
}

static int add_key(struct job_cache *c, const struct job_files_world *w, const struct variables *v, const char *text,
                   struct err *e)
{
    auto_free char *raw = NULL;

    if (variables_expand(v, text, &raw, e) < 0)
        return err_wrap(e, "cache key");
    auto_free char *key = cache_key_sanitize(raw);
    auto_free char *file = xasprintf("%s/%s/%s/cache.zip", w->cache_dir, w->project_path, key);
    auto_free char *shown_raw = text_quote(raw), *shown = text_quote(key);
    if (strcmp(raw, key) != 0)
        strvec_pushf(&c->notes, "cache key \"%s\" sanitized to \"%s\"", shown_raw, shown);
    strvec_push(&c->keys, key);
    strvec_give(&c->files, cache_key_way(w->project_dir, file));
    return 0;
}

/* The server's keys bear a suffix, CACHE_FALLBACK_KEY does not. */
static int add_fallbacks(struct job_cache *c, const struct job_files_world *w, const struct variables *v, struct err *e)
{
    const char *last = variables_value(v, "CACHE_FALLBACK_KEY");

    for (size_t i = 0; i < c->rules->fallback_keys.n; i++) {
        auto_free char *key = xasprintf("%s" CACHE_KEY_SUFFIX, c->rules->fallback_keys.items[i]);
        if (add_key(c, w, v, key, e) < 0)
            return -1;
    }
    if (!last || !*last)
        return 0;
    if (!cache_key_is_protected(last))
        return add_key(c, w, v, last, e);
    auto_free char *shown = text_quote(last);
    strvec_pushf(&c->notes, "CACHE_FALLBACK_KEY \"%s\" not allowed to end in \"-protected\"", shown);
    return 0;
}

static int read_policy(struct job_cache *c, const struct variables *v, struct err *e)
{
    auto_free char *policy = NULL;

    if (variables_expand(v, c->rules->policy ? c->rules->policy : "", &policy, e) < 0)
        return err_wrap(e, "cache policy");
    c->pulls = text_is_any(policy, (const char *const[]){ "", "pull", "pull-push", NULL });
    c->pushes = text_is_any(policy, (const char *const[]){ "", "push", "pull-push", NULL });
    if (c->pulls || c->pushes)
        return 0;
    auto_free char *shown = text_quote(policy);
    auto_free char *key = text_quote(c->keys.items[0]);
    return err_set(e, ERR_JOB, 0, "unknown cache policy %s for %s; it can be pull, push and pull-push", shown, key);
}

static int plan_cache(const struct ci_cache *rules, const struct job_files_world *w, const struct variables *v,
                      struct job_cache *out, struct err *e)
{
    auto_free char *text = NULL;

    out->rules = rules;
    if (text_of_key(rules, w->source, &text, e) < 0)
        return -1;
    auto_free char *key = xasprintf("%s" CACHE_KEY_SUFFIX, text);
    if (add_key(out, w, v, key, e) < 0 || add_fallbacks(out, w, v, e) < 0)
        return -1;
    return read_policy(out, v, e);
}

static int plan_caches(const struct ci_job *job, const struct job_files_world *w, const struct variables *v,
                       struct job_files *out, struct err *e)
{
    const char *timeout = variables_value(v, "CACHE_REQUEST_TIMEOUT");

    out->cache_timeout = CACHE_TIMEOUT_MINUTES;
    if (timeout)
        (void)number_parse(timeout, 1, CACHE_TIMEOUT_MAX, &out->cache_timeout);
    out->caches = xcalloc(job->n_caches + 1, sizeof(*out->caches));
    for (size_t i = 0; i < job->n_caches; i++) {
        const struct ci_cache *rules = &job->caches[i];
        if ((rules->paths.n > 0 || rules->untracked) &&
            plan_cache(rules, w, v, &out->caches[out->n_caches++], e) < 0)
            return -1;
    }
    return 0;
}

/* ---- Artifacts that it leaves ---- */

static void add_upload(struct job_files *out, const struct report_kind *kind, char *name, char *const *paths, size_t n)
{
    out->uploads[out->n_uploads++] = (struct job_upload){
        .type = kind->name, .format = kind->format, .name = name, .when = WHEN_ALWAYS, .paths = paths, .n_paths = n,
    };
}

/* A raw artifact is one file: several with variables go one by one. */
static void plan_dotenv(const struct ci_report *r, struct job_files *out)
{
    for (size_t i = 0; i < r->paths.n; i++)
        add_upload(out, r->kind, xasprintf("%zu%s", i + 1, r->kind->file), &r->paths.items[i], 1);
}

static bool is_dotenv(const struct ci_report *r)
{
    return r->kind && strcmp(r->kind->name, REPORT_DOTENV) == 0;
}

static void plan_report(const struct ci_report *r, struct job_files *out)
{
    if (is_dotenv(r))
        plan_dotenv(r, out);
    else if (r->paths.n > 0)
        add_upload(out, r->kind, xstrdup(r->kind->file), r->paths.items, r->paths.n);
}

static void plan_uploads(const struct ci_artifacts *a, struct job_files *out)
{
    size_t most = 1;

    for (size_t i = 0; i < a->n_reports; i++)
        most += a->reports[i].paths.n + 1;
    out->uploads = xcalloc(most, sizeof(*out->uploads));
    if (a->paths.n > 0 || a->untracked)
        out->uploads[out->n_uploads++] = (struct job_upload){
            .type = "archive", .format = "zip", .name = xstrdup(a->name ? a->name : "artifacts"), .when = a->when,
            .archive = a, .paths = a->paths.items, .n_paths = a->paths.n,
        };
    for (size_t i = 0; i < a->n_reports; i++)
        plan_report(&a->reports[i], out);
}

/* ---- Artifacts that it takes ---- */

static const struct ci_needed *find_need(const struct ci_job *job, const struct ci_job *other)
{
    for (size_t i = 0; i < job->n_needed; i++)
        if (job->needed[i].job == other)
            return &job->needed[i];
    return NULL;
}

bool job_files_depends_on(const struct ci_job *job, const struct ci_job *other)
{
    const struct ci_needed *need = job->by_needs ? find_need(job, other) : NULL;

    if (job->by_needs ? !need || !need->artifacts : other->stage >= job->stage)
        return false;
    return !job->has_dependencies || strvec_has(&job->dependencies, other->name);
}

static bool has_run(const struct job_files_world *w, const char *name)
{
    for (size_t i = 0; i < w->n_left; i++)
        if (strcmp(w->left[i].job->name, name) == 0)
            return true;
    return false;
}

static void add_download(const struct job_left *l, struct job_files *out)
{
    out->downloads[out->n_downloads++] = (struct job_download){
        l->job->name, l->id, xasprintf("file://%s/%s", l->root, l->folder),
    };
}

/* Of a pipeline that this one is a child of, at any level. */
static int add_outer(const struct ci_outer_need *need, const struct job_files_world *w, const struct variables *v,
                     struct job_files *out, struct err *e)
{
    auto_free char *pipeline = NULL;
    size_t found = 0;
    int64_t id = -1;

    if (variables_expand(v, need->pipeline, &pipeline, e) < 0)
        return err_wrap(e, "needs");
    (void)number_parse(pipeline, 0, INT64_MAX, &id);
    for (const struct job_files_outer *o = w->outer; o; o = o->outer) {
        for (size_t i = 0; o->id == id && i < o->n_left && found == 0; i++) {
            if (strcmp(o->left[i].job->name, need->job) != 0 || !o->left[i].has_archive)
                continue;
            add_download(&o->left[i], out);
            found++;
        }
    }
    if (found == 0)
        strvec_pushf(&out->missing, "%s of pipeline %s", need->job, pipeline);
    return 0;
}

static int plan_downloads(const struct ci_job *job, const struct job_files_world *w, const struct variables *v,
                          struct job_files *out, struct err *e)
{
    const struct ci_needs *needs = job->chosen_needs ? job->chosen_needs : &job->needs;

    out->downloads = xcalloc(w->n_left + needs->n_outer + 1, sizeof(*out->downloads));
    for (size_t i = 0; i < w->n_left; i++) {
        const struct job_left *l = &w->left[i];
        if (l->has_archive && job_files_depends_on(job, l->job))
            add_download(l, out);
    }
    for (size_t i = 0; i < needs->n_outer; i++)
        if (add_outer(&needs->outer[i], w, v, out, e) < 0)
            return -1;
    for (size_t i = 0; i < job->dependencies.n; i++)
        if (!has_run(w, job->dependencies.items[i]))
            strvec_push(&out->missing, job->dependencies.items[i]);
    return 0;
}

/* ---- The whole ---- */

int job_files_plan(const struct ci_job *job, const struct job_files_world *w, const struct variables *v,
                   struct job_files *out, struct err *e)
{
    out->url = xasprintf("file://%s/%s", w->cache_dir, w->folder);
    plan_uploads(&job->artifacts, out);
    if (plan_downloads(job, w, v, out, e) < 0)
        return -1;
    return plan_caches(job, w, v, out, e);
}

void job_files_variables(const struct ci_job *job, const struct job_left *left, size_t n, struct variables *out)
{
    for (size_t i = 0; i < n; i++)
        if (job_files_depends_on(job, left[i].job))
            variables_append(out, &left[i].dotenv);
}

bool job_files_sets_variables(const struct ci_job *job)
{
    for (size_t i = 0; i < job->artifacts.n_reports; i++)
        if (is_dotenv(&job->artifacts.reports[i]))
            return true;
    return false;
}

void job_files_release(struct job_files *f)
{
    for (size_t i = 0; i < f->n_caches; i++) {
        strvec_release(&f->caches[i].keys);
        strvec_release(&f->caches[i].files);
        strvec_release(&f->caches[i].notes);
    }
    for (size_t i = 0; i < f->n_uploads; i++)
        free(f->uploads[i].name);
    for (size_t i = 0; i < f->n_downloads; i++)
        free(f->downloads[i].url);
    free(f->caches);
    free(f->uploads);
    free(f->downloads);
    strvec_release(&f->missing);
    free(f->url);
    *f = (struct job_files){ 0 };
}
