/* stages/pipeline/graph_svg.c: the graph as a picture that a browser shows, by day and by night. */
#include "stages/pipeline/graph.h"

#include "base/text.h"
#include "stages/pipeline/markup.h"

#include <stdint.h>

enum { MARGIN = 28, BOX_WIDTH = 208, BOX_HEIGHT = 44, GAP_X = 72, GAP_Y = 14, TOP = 104 };

/* So much of a name fits its box. */
#define NAME_SHOWN ((size_t)26)

static const char style[] =
    "<style>\n"
    "svg{--back:#fff;--ink:#1f2430;--soft:#667085;--box:#f6f7f9;--line:#c4cad4;--edge:#8b95a7;--mark:#3366d6;"
    "font-family:system-ui,-apple-system,'Segoe UI',Roboto,sans-serif;background:var(--back)}\n"
    "@media(prefers-color-scheme:dark){svg{--back:#15181e;--ink:#e6e9ef;--soft:#98a2b3;--box:#1f242d;--line:#3a4250;"
    "--edge:#69748a;--mark:#7aa2ff}}\n"
    ".title{font-size:17px;font-weight:600;fill:var(--ink)}\n"
    ".stage{font-size:13px;font-weight:600;fill:var(--soft);letter-spacing:.02em}\n"
    ".rule{stroke:var(--line);stroke-width:1}\n"
    ".edge{fill:none;stroke:var(--edge);stroke-width:1.5;opacity:.75}\n"
    ".box{fill:var(--box);stroke:var(--line);stroke-width:1}\n"
    ".waits{stroke-dasharray:5 4}\n"
    ".name{font-size:13px;font-weight:500;fill:var(--ink)}\n"
    ".note{font-size:11px;fill:var(--soft)}\n"
    "</style>\n";

/* Where everything is. */
struct layout {
    size_t *column; /* by nodes */
    size_t *row;
    size_t *first;  /* by stages: their first column */
    size_t *filled; /* by columns: how many nodes it has */
    size_t columns, rows;
};

static void layout_release(struct layout *l)
{
    free(l->column);
    free(l->row);
    free(l->first);
    free(l->filled);
}

/* A job that needs others of its own stage stands to their right. */
static size_t depth_in_stage(const struct graph *g, const size_t *depth, size_t i)
{
    size_t deepest = 0;

    for (size_t k = 0; k < g->nodes[i].n_needs; k++) {
        size_t need = g->nodes[i].needs[k];
        if (need < i && g->nodes[need].job->stage == g->nodes[i].job->stage && depth[need] + 1 > deepest)
            deepest = depth[need] + 1;
    }
    return deepest;
}

static void lay_out(const struct graph *g, struct layout *l)
{
    size_t column = 0, stage = SIZE_MAX;

    *l = (struct layout){ .column = xcalloc(g->n + 1, sizeof(size_t)), .row = xcalloc(g->n + 1, sizeof(size_t)),
                          .first = xcalloc(g->file->stages.n + 1, sizeof(size_t)),
                          .filled = xcalloc(g->n + 1, sizeof(size_t)) };
    for (size_t i = 0; i < g->n; i++)
        l->column[i] = depth_in_stage(g, l->column, i);
    for (size_t i = 0; i < g->n; i++) {
        if (g->nodes[i].job->stage != stage) {
            column = l->columns;
            stage = g->nodes[i].job->stage;
            l->first[stage] = column;
        }
        l->column[i] += column;
        l->columns = l->column[i] >= l->columns ? l->column[i] + 1 : l->columns;
        l->row[i] = l->filled[l->column[i]]++;
        l->rows = l->row[i] >= l->rows ? l->row[i] + 1 : l->rows;
    }
}

static size_t x_of(size_t column)
{
    return MARGIN + column * (BOX_WIDTH + GAP_X);
}

static size_t y_of(size_t row)
{
    return TOP + row * (BOX_HEIGHT + GAP_Y);
}

/* Its first characters, whole ones. */
static void put_short(struct strbuf *b, const char *text, size_t most)
{
    size_t bytes = 0, n = 0;

    for (; text[bytes]; bytes++)
        if (((unsigned char)text[bytes] & 0xc0) != 0x80 && n++ == most)
            break;
    auto_free char *cut = xstrndup(text, bytes);
    markup_word(b, cut);
    if (text[bytes])
        strbuf_puts(b, "…");
}

/* Over several columns a line goes between the rows, behind no box; lines that share the way lie side by side. */
static void put_long_way(size_t x1, size_t y1, size_t x2, size_t y2, size_t lane, struct strbuf *b)
{
    size_t y = y2 + BOX_HEIGHT / 2 + 3 + 2 * (lane % 5), half = GAP_X / 2;
    size_t left = x1 + GAP_X - 6, right = x2 - GAP_X + 6;

    strbuf_printf(b, "C%zu %zu %zu %zu %zu %zuL%zu %zuC%zu %zu %zu %zu %zu %zu", x1 + half, y1, left - half, y, left, y, right, y,
                  right + half, y, x2 - half, y2, x2 - 2, y2);
}

static void put_edges(const struct graph *g, const struct layout *l, struct strbuf *b)
{
    for (size_t i = 0; i < g->n; i++)
        for (size_t k = 0; k < g->nodes[i].n_needs; k++) {
            size_t from = g->nodes[i].needs[k];
            size_t x1 = x_of(l->column[from]) + BOX_WIDTH, y1 = y_of(l->row[from]) + BOX_HEIGHT / 2;
            size_t x2 = x_of(l->column[i]), y2 = y_of(l->row[i]) + BOX_HEIGHT / 2;
            strbuf_printf(b, "<path class=\"edge\" marker-end=\"url(#tip)\" d=\"M%zu %zu", x1, y1);
            if (l->column[i] > l->column[from] + 1)
                put_long_way(x1, y1, x2, y2, from, b);
            else
                strbuf_printf(b, "C%zu %zu %zu %zu %zu %zu", x1 + GAP_X / 2, y1, x2 - GAP_X / 2, y2, x2 - 2, y2);
            strbuf_puts(b, "\"/>\n");
        }
}

static void put_node(const struct graph *g, const struct layout *l, size_t i, struct strbuf *b)
{
    const struct graph_node *node = &g->nodes[i];
    size_t x = x_of(l->column[i]), y = y_of(l->row[i]);
    bool waits = node->job->when == WHEN_MANUAL || node->job->when == WHEN_DELAYED;

    strbuf_puts(b, "<g><title>");
    markup_word(b, node->name);
    for (size_t k = 0; k < node->n_needs; k++) {
        strbuf_puts(b, k == 0 ? " needs " : ", ");
        markup_word(b, g->nodes[node->needs[k]].name);
    }
    strbuf_printf(b, "</title><rect class=\"box%s\" x=\"%zu\" y=\"%zu\" width=\"%d\" height=\"%d\" rx=\"8\"/>",
                  waits ? " waits" : "", x, y, BOX_WIDTH, BOX_HEIGHT);
    strbuf_printf(b, "<text class=\"name\" x=\"%zu\" y=\"%zu\">", x + 14, y + (*node->note ? 19 : 27));
    put_short(b, node->name, NAME_SHOWN);
    strbuf_puts(b, "</text>");
    if (*node->note) {
        strbuf_printf(b, "<text class=\"note\" x=\"%zu\" y=\"%zu\">", x + 14, y + 35);
        put_short(b, node->note, NAME_SHOWN + 6);
        strbuf_puts(b, "</text>");
    }
    strbuf_puts(b, "</g>\n");
}

static void put_stages(const struct graph *g, const struct layout *l, struct strbuf *b)
{
    for (size_t i = 0; i < g->n; i++) {
        size_t stage = g->nodes[i].job->stage;
        if (i > 0 && g->nodes[i - 1].job->stage == stage)
            continue;
        size_t x = x_of(l->first[stage]);
        auto_free char *shown = text_quote(g->file->stages.items[stage]);
        strbuf_printf(b, "<text class=\"stage\" x=\"%zu\" y=\"%d\">", x, TOP - 28);
        put_short(b, shown, NAME_SHOWN);
        strbuf_printf(b, "</text><line class=\"rule\" x1=\"%zu\" y1=\"%d\" x2=\"%zu\" y2=\"%d\"/>\n", x, TOP - 16,
                      x + BOX_WIDTH, TOP - 16);
    }
}

char *graph_svg(const struct graph *g, const char *title)
{
    __attribute__((cleanup(layout_release))) struct layout l = { 0 };
    auto_strbuf b = STRBUF_TEXT;

    lay_out(g, &l);
    size_t width = x_of(l.columns) - GAP_X + MARGIN, height = y_of(l.rows) - GAP_Y + MARGIN;
    strbuf_printf(&b, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %zu %zu\" width=\"%zu\" height=\"%zu\" "
                      "role=\"img\">\n<title>", width, height, width, height);
    markup_word(&b, title);
    strbuf_printf(&b, "</title>\n%s<defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" "
                      "markerHeight=\"7\" orient=\"auto\"><path d=\"M0 0L8 4L0 8z\" fill=\"var(--edge)\"/></marker></defs>\n"
                      "<rect width=\"100%%\" height=\"100%%\" fill=\"var(--back)\"/>\n<text class=\"title\" x=\"%d\" y=\"40\">",
                  style, MARGIN);
    markup_word(&b, title);
    strbuf_puts(&b, "</text>\n");
    put_stages(g, &l, &b);
    put_edges(g, &l, &b);
    for (size_t i = 0; i < g->n; i++)
        put_node(g, &l, i, &b);
    strbuf_puts(&b, "</svg>\n");
    return strbuf_take(&b);
}
