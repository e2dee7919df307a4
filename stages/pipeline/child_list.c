#include "stages/pipeline/child_list.h"

#include "base/text.h"
#include "stages/pipeline/child.h"

#include <string.h>

/* All in all: a file may have 10,000 jobs that each stand for one, as large as itself. */
#define PIPELINES_MAX ((size_t)100)
#define JOBS_MAX      ((size_t)10000)
#define WEIGHT_MAX    ((size_t)64 << 20)

struct inner {
    struct project project;
    struct variables forwarded;
    char *prefix;
    struct listing listing;
    struct child_list *below;
};

struct child_list {
    struct inner **items; /* by the jobs; NULL: none */
    const struct listing **listings;
    size_t n;
};

struct opening {
    const struct project *root;
    const struct project_place *place;
    struct strvec *notes;
    size_t n; /* pipelines so far */
    size_t jobs; /* in them */
    size_t weight; /* of these */
    bool has_enough;
};

/* Where a listing is below the root's. */
struct level {
    const struct project *project;
    const struct variables *forwarded; /* to it; NULL: it is the root's */
    size_t depth;
};

static struct child_list *open_all(struct opening *o, const struct level *at, struct listing *l);

static void close_inner(struct inner *x)
{
    child_list_close(x->below);
    project_close_child(&x->project);
    variables_release(&x->forwarded);
    free(x->prefix);
    free(x);
}

static int forward(const struct level *at, const struct ci_job *job, struct variables *out, struct err *e)
{
    const struct project *p = at->project;
    auto_variables all = VARIABLES_INIT;
    auto_variables resolved = VARIABLES_INIT;

    variables_append(&all, &p->server);
    variables_add(&all, "CI_JOB_NAME", job->name, VARIABLE_RAW);
    variables_add(&all, "CI_JOB_STAGE", p->file.stages.items[job->stage], VARIABLE_RAW);
    ci_job_globals(&p->file, job, &all);
    variables_append(&all, &job->variables);
    variables_append(&all, &p->variables);
    if (variables_resolve(&all, "", &resolved, e) < 0)
        return -1;
    child_forward(&p->file, job, &resolved, at->forwarded, out);
    return 0;
}

/* Its jobs, and what these stand for in turn. */
static int read_inner(struct opening *o, const struct level *at, const struct ci_job *job, struct inner *x, struct err *e)
{
    auto_free char *name = NULL;
    auto_free char *text = NULL;
    struct pipeline_child child = { .inputs = job->trigger.inputs, .forwarded = &x->forwarded };
    struct project_place place = *o->place;

    if (forward(at, job, &x->forwarded, e) < 0)
        return -1;
    child_file(job, &name, &text);
    child.name = name;
    child.text = text;
    child.len = strlen(text);
    place.child = &child;
    if (project_open_child(o->root, &place, &x->project, e) < 0 || project_choose(&x->project, NULL, e) < 0)
        return -1;
    const struct ci_file *f = &x->project.file;
    o->jobs += f->n;
    o->weight += f->weight;
    x->listing = (struct listing){ .project = &x->project, .jobs = f->order, .n = f->n_order, .prefix = x->prefix };
    const struct level below = { &x->project, &x->forwarded, at->depth + 1 };
    x->below = open_all(o, &below, &x->listing);
    return 0;
}

static bool is_enough(const struct opening *o)
{
    return o->n == PIPELINES_MAX || o->jobs > JOBS_MAX || o->weight > WEIGHT_MAX;
}

/* NULL: its jobs can be told. The caller's. */
static char *why_unknown(const struct opening *o, const struct level *at, const struct ci_job *job)
{
    auto_free char *generator = text_quote(job->trigger.generator ? job->trigger.generator : "");

    if (job->trigger.artifact)
        return xasprintf("its jobs are known when `%s` has made its file", generator);
    if (at->depth == CHILD_DEPTH_MAX)
        return xasprintf("child pipelines go %zu levels deep, and no deeper", CHILD_DEPTH_MAX);
    return is_enough(o) ? xasprintf("it and those that follow are not shown: there are more than %zu, or %zu jobs in them",
                                    PIPELINES_MAX, JOBS_MAX) : NULL;
}

static struct inner *open_one(struct opening *o, const struct level *at, const struct listing *l, const struct ci_job *job)
{
    auto_free char *whole = xasprintf("%s%s", l->prefix, job->name);
    auto_free char *name = text_quote(whole);
    auto_err e = ERR_INIT;
    auto_free char *unknown = why_unknown(o, at, job);

    if (unknown) {
        if (!o->has_enough)
            strvec_pushf(o->notes, "child pipeline of `%s`: %s", name, unknown);
        o->has_enough = is_enough(o); /* of the others it is not said again */
        return NULL;
    }
    o->n++;
    struct inner *x = xcalloc(1, sizeof(*x));
    x->prefix = xasprintf("%s/", whole);
    if (read_inner(o, at, job, x, &e) == 0) {
        strvec_push_all(o->notes, &x->project.file.tree.missing);
        return x;
    }
    strvec_pushf(o->notes, "child pipeline of `%s`: %s", name, err_text(&e));
    close_inner(x);
    return NULL;
}

static struct child_list *open_all(struct opening *o, const struct level *at, struct listing *l)
{
    struct child_list *c = xcalloc(1, sizeof(*c));

    c->n = l->n;
    c->items = xcalloc(l->n + 1, sizeof(*c->items));
    c->listings = xcalloc(l->n + 1, sizeof(const struct listing *));
    for (size_t i = 0; i < l->n; i++) {
        if (!l->jobs[i]->trigger.include)
            continue;
        c->items[i] = open_one(o, at, l, l->jobs[i]);
        c->listings[i] = c->items[i] ? &c->items[i]->listing : NULL;
    }
    l->children = c->listings;
    return c;
}

struct child_list *child_list_open(const struct project *project, const struct project_place *place, struct listing *l,
                                   struct strvec *notes)
{
    struct opening o = { .root = project, .place = place, .notes = notes };
    const struct level at = { project, NULL, 0 };

    return open_all(&o, &at, l);
}

void child_list_close(struct child_list *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->n; i++)
        if (c->items[i])
            close_inner(c->items[i]);
    free(c->items);
    free(c->listings);
    free(c);
}
