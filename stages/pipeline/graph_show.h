/* stages/pipeline/graph_show.h: `atelier pipeline --graph`. */
#ifndef STAGES_PIPELINE_GRAPH_SHOW_H
#define STAGES_PIPELINE_GRAPH_SHOW_H

#include "stages/pipeline/project.h"

/* These jobs of the project's pipeline, in its order. `path` "": on stdout, as wide as the terminal is; else a file that
 * becomes an SVG picture. */
int graph_show(const struct project *p, const struct ci_job *const *jobs, size_t n, const char *path, bool colour,
               struct err *e);

#endif
