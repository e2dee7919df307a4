#include "stages/pipeline/graph_show.h"

#include "base/file.h"
#include "base/terminal.h"
#include "base/text.h"
#include "stages/pipeline/graph.h"

#include <string.h>
#include <unistd.h>

static int print_text(const struct graph *g, bool colour, struct err *e)
{
    unsigned rows, columns = 0;

    if (isatty(STDOUT_FILENO) && terminal_size(STDOUT_FILENO, &rows, &columns) < 0)
        columns = 0;
    auto_free char *text = graph_text(g, colour, columns);
    return fd_write(STDOUT_FILENO, text, strlen(text), e);
}

int graph_show(const struct project *p, const struct ci_job *const *jobs, size_t n, const char *path, bool colour,
               struct err *e)
{
    auto_graph g = { 0 };
    auto_free char *ref = text_quote(p->checkout.ref);
    auto_free char *title = xasprintf("%s, %s %s", p->checkout.remote.path, p->checkout.is_tag ? "tag" : "branch", ref);

    graph_make(&p->file, jobs, n, &g);
    if (!*path)
        return print_text(&g, colour, e);
    auto_free char *svg = graph_svg(&g, title);
    return file_write(path, svg, strlen(svg), 0644, e);
}
