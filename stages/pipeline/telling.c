/* stages/pipeline/telling.c: what is said of a pipeline's jobs while it runs, and of all of it in the end. */
#include "stages/pipeline/pipeline_state.h"

#include "base/clock.h"
#include "base/number.h"
#include "base/text.h"
#include "stages/pipeline/child.h"

#include <string.h>

static const char *stage_of(const struct pipeline *p, const struct entry *x)
{
    return p->project.file.stages.items[x->job->stage];
}

static const enum report_style state_styles[] = {
    [JOB_PASSED] = STYLE_GOOD, [JOB_FAILED] = STYLE_BAD, [JOB_WARNED] = STYLE_WARNING,
    [JOB_SKIPPED] = STYLE_DIM,   [JOB_MANUAL] = STYLE_DIM,  [JOB_CANCELED] = STYLE_WARNING,
};

/* Why it ended so; NULL: nothing is to be said. The caller's. */
static char *reason_of(const struct entry *x)
{
    char *reason = x->outcome.reason ? xstrdup(x->outcome.reason) : order_reason(x->turn);

    if (!*x->outcome.coverage)
        return reason;
    auto_free char *before = reason;
    return xasprintf("%s%scoverage %s%%", reason ? reason : "", reason ? ", " : "", x->outcome.coverage);
}

/* With those of the jobs that it is a child pipeline of. The caller's. */
static char *shown_name(const struct pipeline *p, const struct entry *x)
{
    auto_free char *name = xasprintf("%s%s", p->options->child ? p->options->child->prefix : "", x->job->name);
    return text_quote(name);
}

void pipeline_tell(struct pipeline *p, const struct entry *x, const char *text, enum report_style style)
{
    auto_free char *name = shown_name(p, x);

    report_line(&p->report, style, "[%zu/%zu] %s / %s: %s", (size_t)(x - p->entries) + 1, p->n, stage_of(p, x), name, text);
}

void pipeline_tell_end(struct pipeline *p, struct entry *x)
{
    enum job_state state = x->turn->state;
    auto_free char *reason = reason_of(x);
    char time[32];
    auto_free char *in = x->ms < 0 ? xstrdup("") : xasprintf(" in %s", duration_format(x->ms, time, sizeof(time)));
    auto_free char *text = xasprintf("%s%s%s%s%s", job_state_name(state), in, reason ? " (" : "", reason ? reason : "",
                                     reason ? ")" : "");

    pipeline_tell(p, x, text, state_styles[state]);
    x->told = true;
}

/* ---- The table ---- */

static const char *const heading[] = { "JOB", "STAGE", "STATE", "TIME", "REASON" };
#define COLUMNS ARRAY_SIZE(heading)
#define STATE_COLUMN ((size_t)2)

/* One cell a column, for each job; below one with a child pipeline, those of that. */
static void add_rows(const struct pipeline *p, struct strvec *cells)
{
    for (size_t i = 0; i < p->n; i++) {
        const struct entry *x = &p->entries[i];
        char *reason = reason_of(x);
        char time[32] = "-";
        if (x->ms >= 0)
            (void)duration_format(x->ms, time, sizeof(time));
        strvec_give(cells, shown_name(p, x));
        strvec_push(cells, stage_of(p, x));
        strvec_push(cells, job_state_name(x->turn->state));
        strvec_push(cells, time);
        strvec_give(cells, reason ? reason : xstrdup(""));
        strvec_push_all(cells, &x->left.rows);
    }
}

static enum report_style style_of(const char *state)
{
    for (size_t i = 0; i < ARRAY_SIZE(state_styles); i++)
        if (strcmp(job_state_name((enum job_state)i), state) == 0)
            return state_styles[i];
    return STYLE_PLAIN;
}

void pipeline_tell_all(struct pipeline *p)
{
    auto_strvec cells = STRVEC_INIT;

    if (p->options->child) {
        add_rows(p, p->options->child->rows);
        return;
    }
    for (size_t i = 0; i < COLUMNS; i++)
        strvec_push(&cells, heading[i]);
    add_rows(p, &cells);
    size_t rows = cells.n / COLUMNS;
    auto_free enum report_style *styles = xcalloc(rows, sizeof(*styles));
    styles[0] = STYLE_BOLD;
    for (size_t i = 1; i < rows; i++)
        styles[i] = style_of(cells.items[i * COLUMNS + STATE_COLUMN]);
    report_line(&p->report, STYLE_PLAIN, "%s", "");
    report_table(&p->report, (const char *const *)cells.items, styles, rows, COLUMNS);
}

/* ---- The end ---- */

/* "2 passed, 1 failed", in the order of the states. */
static char *count_states(const struct pipeline *p)
{
    auto_strvec parts = STRVEC_INIT;

    for (enum job_state s = JOB_CREATED; s <= JOB_CANCELED; s++) {
        size_t n = 0;
        for (size_t i = 0; i < p->n; i++)
            n += p->order.items[i].state == s;
        if (n > 0)
            strvec_pushf(&parts, "%zu %s", n, job_state_name(s));
    }
    return strvec_join(&parts, ", ");
}

int pipeline_conclude(struct pipeline *p, const struct order *order)
{
    int64_t ms = clock_ms() - p->started_ms;
    auto_free char *counts = count_states(p);
    auto_free char *gates = order->gates.first ? order_gates_name(&order->gates) : NULL;
    char time[32];

    (void)duration_format(ms, time, sizeof(time));
    if (p->cancel.signal) {
        report_line(&p->report, STYLE_WARNING, "Pipeline canceled after %s: %s", time, counts);
        return 128 + p->cancel.signal;
    }
    if (order->failed) {
        report_line(&p->report, STYLE_BAD, "Pipeline failed in %s: %s", time, counts);
        return 1;
    }
    if (gates)
        report_line(&p->report, STYLE_WARNING, "Pipeline waits for %s, after %s: %s", gates, time, counts);
    else
        report_line(&p->report, STYLE_GOOD, "Pipeline passed in %s: %s", time, counts);
    return 0;
}
