/* stages/pipeline/graph.h: what waits for what in a pipeline, as a picture: in the terminal, and as SVG. Pure. */
#ifndef STAGES_PIPELINE_GRAPH_H
#define STAGES_PIPELINE_GRAPH_H

#include "stages/pipeline/ci_file.h"

/* One job, or all that a parallel one became. */
struct graph_node {
    const struct ci_job *job; /* the first of them. Borrowed */
    char *name;               /* fit to be shown */
    char *note;               /* "manual, may fail, 3 jobs"; "": nothing is to be said */
    size_t jobs;
    size_t *needs;            /* nodes before it; none when it waits for the stages before it, or for nothing */
    size_t n_needs;
};

struct graph {
    const struct ci_file *file; /* borrowed */
    struct graph_node *nodes;   /* stage by stage */
    size_t n;
};

/* Of these jobs, in the pipeline's order (f->order); needs of others are left out. */
void graph_make(const struct ci_file *f, const struct ci_job *const *jobs, size_t n, struct graph *out);
void graph_release(struct graph *g);

/* A line a node, below its stage; to the right of them a line leads from each job to those that need it. When that is
 * wider than `width` characters (0: any width will do), names take the place of the lines. The caller's. */
char *graph_text(const struct graph *g, bool colour, size_t width);
/* A whole file: stages are columns, needs are curves. The caller's. */
char *graph_svg(const struct graph *g, const char *title);

#define auto_graph __attribute__((cleanup(graph_release))) struct graph

#endif
