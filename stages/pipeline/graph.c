#include "stages/pipeline/graph.h"

#include "base/text.h"

#include <string.h>

/* Parallel jobs lie side by side in the file. */
static const struct ci_job *first_of(const struct ci_job *job)
{
    return job->nodes > 0 ? job - (job->node - 1) : job;
}

static char *note_of(const struct ci_job *job, size_t jobs)
{
    auto_strvec parts = STRVEC_INIT;

    if (job->when != WHEN_ON_SUCCESS)
        strvec_push(&parts, ci_when_name(job->when));
    if (job->allow_failure && job->when != WHEN_MANUAL)
        strvec_push(&parts, "may fail");
    if (job->trigger.given)
        strvec_push(&parts, job->trigger.include ? "child pipeline" : "another project");
    if (job->by_needs && job->n_needed == 0)
        strvec_push(&parts, "needs nothing");
    if (job->nodes > 0)
        strvec_pushf(&parts, "%zu job%s", jobs, jobs == 1 ? "" : "s");
    return strvec_join(&parts, ", ");
}

/* What is needed is noted once for each node, and only if it is shown. `seen` is by nodes, of whoever asked last. */
static void add_needs(const struct graph *g, const size_t *node_of, const struct ci_job *job, size_t *seen, size_t to)
{
    struct graph_node *node = &g->nodes[to];

    for (size_t i = 0; i < job->n_needed; i++) {
        size_t from = node_of[first_of(job->needed[i].job) - g->file->jobs];
        if (from == 0 || from - 1 == to || seen[from - 1] == to + 1)
            continue;
        seen[from - 1] = to + 1;
        node->needs = xreallocarray(node->needs, node->n_needs + 1, sizeof(*node->needs));
        node->needs[node->n_needs++] = from - 1;
    }
}

void graph_make(const struct ci_file *f, const struct ci_job *const *jobs, size_t n, struct graph *out)
{
    auto_free size_t *node_of = xcalloc(f->n + 1, sizeof(*node_of)); /* from 1 on; 0: it is not shown */
    auto_free size_t *seen = xcalloc(n + 1, sizeof(*seen));

    *out = (struct graph){ .file = f, .nodes = xcalloc(n + 1, sizeof(*out->nodes)) };
    for (size_t i = 0; i < n; i++) {
        size_t *node = &node_of[first_of(jobs[i]) - f->jobs];
        if (*node == 0) {
            *node = ++out->n;
            out->nodes[*node - 1].job = jobs[i];
        }
        out->nodes[*node - 1].jobs++;
    }
    for (size_t i = 0; i < n; i++)
        add_needs(out, node_of, jobs[i], seen, node_of[first_of(jobs[i]) - f->jobs] - 1);
    for (size_t i = 0; i < out->n; i++) {
        struct graph_node *node = &out->nodes[i];
        node->name = text_quote(node->job->base);
        node->note = note_of(node->job, node->jobs);
    }
}

void graph_release(struct graph *g)
{
    for (size_t i = 0; i < g->n; i++) {
        free(g->nodes[i].name);
        free(g->nodes[i].note);
        free(g->nodes[i].needs);
    }
    free(g->nodes);
    *g = (struct graph){ 0 };
}
