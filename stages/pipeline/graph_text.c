/* stages/pipeline/graph_text.c: the graph for a terminal. */
#include "stages/pipeline/graph.h"

#include "base/text.h"

#include <stdint.h>
#include <string.h>

/* More of them side by side nobody can follow. */
#define LANES_MAX ((size_t)40)
#define NO_LANE   SIZE_MAX

static const char stage_on[] = "\033[1m", dim_on[] = "\033[2m", off[] = "\033[0m";

/* The lines beside the names: one for each node that another one below needs. */
struct lanes {
    size_t *of;    /* by nodes: its lane, or NO_LANE */
    size_t *until; /* by nodes: the last one that needs it */
    size_t *owner; /* by lanes: the node whose it is now, or was */
    bool *joined;  /* by nodes: whether the row under way needs it */
    size_t n;      /* how many there are */
};

static void lanes_release(struct lanes *l)
{
    free(l->of);
    free(l->until);
    free(l->owner);
    free(l->joined);
}

/* The leftmost one that is free from here on. */
static size_t take_lane(struct lanes *l, size_t node)
{
    size_t lane = 0;

    while (lane < l->n && l->until[l->owner[lane]] >= node)
        lane++;
    if (lane == l->n)
        l->n++;
    l->owner[lane] = node;
    return lane;
}

/* What is needed lies above, by the pipeline's order; but for what several parallel jobs need of one another. */
static bool make_lanes(const struct graph *g, struct lanes *l)
{
    *l = (struct lanes){ .of = xcalloc(g->n + 1, sizeof(size_t)), .until = xcalloc(g->n + 1, sizeof(size_t)),
                         .owner = xcalloc(g->n + 1, sizeof(size_t)), .joined = xcalloc(g->n + 1, sizeof(bool)) };
    for (size_t i = 0; i < g->n; i++)
        for (size_t k = 0; k < g->nodes[i].n_needs; k++) {
            if (g->nodes[i].needs[k] > i)
                return false;
            l->until[g->nodes[i].needs[k]] = i;
        }
    for (size_t i = 0; i < g->n; i++) {
        l->of[i] = l->until[i] > i ? take_lane(l, i) : NO_LANE;
        if (l->n > LANES_MAX)
            return false;
    }
    memset(l->owner, 0, (g->n + 1) * sizeof(*l->owner));
    return true;
}

static size_t width_of(const char *text)
{
    size_t n = 0;

    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

static size_t label_width(const struct graph_node *node)
{
    return width_of(node->name) + (*node->note ? width_of(node->note) + 3 : 0);
}

static size_t widest_label(const struct graph *g)
{
    size_t widest = 0;

    for (size_t i = 0; i < g->n; i++) {
        size_t width = label_width(&g->nodes[i]);
        widest = width > widest ? width : widest;
    }
    return widest;
}

static void put_stage(const char *name, bool colour, struct strbuf *b)
{
    auto_free char *shown = text_quote(name);
    strbuf_printf(b, "%s%s%s\n", colour ? stage_on : "", shown, colour ? off : "");
}

static void put_label(const struct graph_node *node, bool colour, struct strbuf *b)
{
    strbuf_printf(b, "  %s", node->name);
    if (*node->note)
        strbuf_printf(b, "%s (%s)%s", colour ? dim_on : "", node->note, colour ? off : "");
}

/* What one lane looks like in one row. `last`: the rightmost that this row leads to. */
static const char *glyph(const struct lanes *l, size_t row, size_t lane, size_t last)
{
    size_t owner = l->owner[lane];
    bool is_open = owner < row && l->of[owner] == lane && l->until[owner] >= row;

    if (l->of[row] == lane)
        return "●";
    if (!is_open)
        return last != NO_LANE && lane < last ? "─" : " ";
    if (!l->joined[owner])
        return "│";
    if (l->until[owner] > row)
        return lane == last ? "┤" : "┼";
    return lane == last ? "╯" : "┴";
}

/* From a job's name to the lanes of those that it needs; a dot where its own begins. */
static void put_lanes(const struct graph *g, struct lanes *l, size_t row, struct strbuf *b)
{
    const struct graph_node *node = &g->nodes[row];
    size_t last = NO_LANE;

    for (size_t k = 0; k < node->n_needs; k++) {
        size_t lane = l->of[node->needs[k]]; /* it has one: this row needs it */
        l->joined[node->needs[k]] = true;
        last = last == NO_LANE || lane > last ? lane : last;
    }
    if (l->of[row] != NO_LANE)
        l->owner[l->of[row]] = row;
    strbuf_puts(b, node->n_needs > 0 ? "◀" : " ");
    for (size_t lane = 0; lane < l->n; lane++)
        strbuf_printf(b, "%s%s", last != NO_LANE && lane <= last ? "─" : " ", glyph(l, row, lane, last));
    for (size_t k = 0; k < node->n_needs; k++)
        l->joined[node->needs[k]] = false;
}

static void put_names(const struct graph *g, size_t row, struct strbuf *b)
{
    const struct graph_node *node = &g->nodes[row];

    for (size_t k = 0; k < node->n_needs; k++)
        strbuf_printf(b, "%s%s", k == 0 ? "◀ " : ", ", g->nodes[node->needs[k]].name);
}

static void put_line(struct strbuf *out, struct strbuf *line)
{
    while (line->len > 0 && line->data[line->len - 1] == ' ')
        line->len--;
    strbuf_putn(out, strbuf_text(line), line->len);
    strbuf_putc(out, '\n');
    strbuf_clear(line);
}

char *graph_text(const struct graph *g, bool colour, size_t width)
{
    __attribute__((cleanup(lanes_release))) struct lanes lanes = { 0 };
    auto_strbuf out = STRBUF_TEXT;
    auto_strbuf line = STRBUF_TEXT;
    size_t labels = widest_label(g);
    bool drawn = make_lanes(g, &lanes) && (width == 0 || 2 + labels + 2 + 2 * lanes.n <= width);

    for (size_t i = 0; i < g->n; i++) {
        const struct graph_node *node = &g->nodes[i];
        if (i == 0 || g->nodes[i - 1].job->stage != node->job->stage)
            put_stage(g->file->stages.items[node->job->stage], colour, &out);
        put_label(node, colour, &line);
        strbuf_printf(&line, "%*s", (int)(labels - label_width(node) + 1), "");
        if (drawn)
            put_lanes(g, &lanes, i, &line);
        else
            put_names(g, i, &line);
        put_line(&out, &line);
    }
    return strbuf_take(&out);
}
