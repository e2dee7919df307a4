/* stages/pipeline/ci_jobs.c: the jobs of a file that has been read. */
#include "stages/pipeline/ci_value.h"

#include "base/text.h"

#include <string.h>

static void job_release(struct ci_job *job);

/* ---- By name ---- */

static int compare_bases(const void *a, const void *b)
{
    const struct ci_job *one = *(struct ci_job *const *)a, *other = *(struct ci_job *const *)b;
    int order = strcmp(one->base, other->base);

    return order ? order : (one->node > other->node) - (one->node < other->node);
}

static int compare_names(const void *a, const void *b)
{
    const struct ci_job *one = *(struct ci_job *const *)a, *other = *(struct ci_job *const *)b;
    int order = strcmp(one->name, other->name);

    return order ? order : (one > other) - (one < other);
}

static int compare_name(const void *name, const void *job)
{
    return strcmp(name, (*(struct ci_job *const *)job)->name);
}

static int compare_base(const void *name, const void *job)
{
    return strcmp(name, (*(struct ci_job *const *)job)->base);
}

/* What it is, but not which one of its parallel ones. */
static void replace(struct ci_job *job, struct ci_job *by, struct strvec *warnings)
{
    auto_free char *name = text_quote(job->name);
    struct ci_job old = *job;

    strvec_pushf(warnings, "%s:%d:%d: there are several jobs `%s`; the one of line %d takes the place of the others",
                 job->at->file, job->at->key_line, job->at->key_column, name, by->at->key_line);
    *job = *by;
    *by = old;
    by->base = job->base;
    job->base = old.base;
    job->node = old.node;
    job->nodes = old.nodes;
}

/* Without those that are gone. Parallel ones are numbered anew: their places tell them apart. */
static void close_gaps(struct ci_file *f, const bool *gone)
{
    size_t kept = 0;

    for (size_t i = 0; i < f->n; i++) {
        if (gone[i]) {
            job_release(&f->jobs[i]);
            continue;
        }
        struct ci_job *job = &f->jobs[kept++];
        *job = f->jobs[i];
        bool goes_on = kept > 1 && job->nodes > 0 && strcmp(job[-1].base, job->base) == 0;
        job->node = goes_on ? job[-1].node + 1 : job->nodes > 0;
    }
    f->n = kept;
}

/* A matrix can make the name of another job: the later one takes the earlier one's place. */
static void drop_doubles(struct ci_file *f)
{
    auto_free struct ci_job **sorted = xcalloc(f->n + 1, sizeof(*sorted));
    auto_free bool *gone = xcalloc(f->n + 1, sizeof(*gone));
    bool any = false;

    for (size_t i = 0; i < f->n; i++)
        sorted[i] = &f->jobs[i];
    qsort(sorted, f->n, sizeof(*sorted), compare_names);
    for (size_t i = 0, next; i < f->n; i = next) {
        for (next = i + 1; next < f->n && strcmp(sorted[next]->name, sorted[i]->name) == 0; next++)
            any = gone[sorted[next] - f->jobs] = true;
        if (next > i + 1)
            replace(sorted[i], sorted[next - 1], &f->warnings);
    }
    if (any)
        close_gaps(f, gone);
}

void ci_file_sort(struct ci_file *f)
{
    drop_doubles(f);
    f->by_base = xcalloc(f->n + 1, sizeof(*f->by_base));
    f->by_name = xcalloc(f->n + 1, sizeof(*f->by_name));
    for (size_t i = 0; i < f->n; i++)
        f->by_base[i] = f->by_name[i] = &f->jobs[i];
    qsort(f->by_base, f->n, sizeof(*f->by_base), compare_bases);
    qsort(f->by_name, f->n, sizeof(*f->by_name), compare_names);
}

struct ci_job *const *ci_file_named(const struct ci_file *f, const char *name, size_t *n)
{
    struct ci_job *const *found = f->n ? bsearch(name, f->by_name, f->n, sizeof(*f->by_name), compare_name) : NULL;

    *n = found != NULL;
    if (found)
        return found;
    found = f->n ? bsearch(name, f->by_base, f->n, sizeof(*f->by_base), compare_base) : NULL;
    if (!found)
        return NULL;
    while (found > f->by_base && strcmp(found[-1]->base, name) == 0)
        found--;
    struct ci_job *const *end = f->by_base + f->n;
    while (found + *n < end && strcmp(found[*n]->base, name) == 0)
        ++*n;
    return found;
}

const char *ci_file_nearest(const struct ci_file *f, const char *name)
{
    auto_strvec known = STRVEC_INIT;

    for (size_t i = 0; i < f->n; i++)
        strvec_push(&known, f->jobs[i].base);
    const char *near = text_nearest(name, (const char *const *)strvec_list(&known));
    size_t n;
    return near ? ci_file_named(f, near, &n)[0]->base : NULL;
}

const char *ci_file_meant(const struct ci_file *f, const char *name)
{
    return ci_tree_seeks(&f->tree, f->n) ? ci_file_nearest(f, name) : NULL;
}

bool ci_job_is_named(const struct ci_job *job, const char *const *names)
{
    return names && (text_is_any(job->name, names) || text_is_any(job->base, names));
}

void ci_job_globals(const struct ci_file *f, const struct ci_job *job, struct variables *out)
{
    for (size_t i = 0; i < f->variables.n; i++) {
        const struct variable *v = &f->variables.items[i];
        if (!job->inherits_some || strvec_has(&job->inherited, v->key))
            variables_add(out, v->key, v->value, v->flags);
    }
}

/* ---- The end ---- */

static void policy_release(struct ci_policy *p)
{
    strvec_release(&p->variables);
    strvec_release(&p->changes);
}

static void job_release(struct ci_job *job)
{
    free(job->name);
    free(job->base);
    free(job->barred);
    free(job->coverage);
    free(job->allowed_codes);
    ci_image_release(&job->image);
    ci_services_release(job);
    strvec_release(&job->only);
    strvec_release(&job->except);
    policy_release(&job->only_policy);
    policy_release(&job->except_policy);
    ci_rules_release(&job->rules);
    ci_needs_release(&job->needs);
    free(job->needed);
    strvec_release(&job->retry.when);
    free(job->retry.codes);
    strvec_release(&job->inherited);
    strvec_release(&job->pre_get_sources);
    free(job->environment.name);
    free(job->environment.url);
    free(job->environment.action);
    free(job->environment.on_stop);
    free(job->resource_group);
    free(job->environment.tier);
    variables_release(&job->variables);
    strvec_release(&job->script);
    strvec_release(&job->after_script);
    ci_caches_release(job->caches, job->n_caches);
    ci_artifacts_release(&job->artifacts);
    strvec_release(&job->dependencies);
}

void ci_file_drop(struct ci_file *f, size_t from)
{
    while (f->n > from)
        job_release(&f->jobs[--f->n]);
}

void ci_file_release(struct ci_file *f)
{
    strvec_release(&f->stages);
    variables_release(&f->variables);
    for (size_t i = 0; i < f->n; i++)
        job_release(&f->jobs[i]);
    free(f->jobs);
    free(f->by_base);
    free(f->by_name);
    free(f->order);
    ci_rules_release(&f->workflow);
    free(f->name);
    ci_tree_release(&f->tree);
    strvec_release(&f->warnings);
    *f = (struct ci_file)CI_FILE_INIT;
}
