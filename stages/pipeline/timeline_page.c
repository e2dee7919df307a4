/* stages/pipeline/timeline_page.c: the page: a row a job, its log under a click. No script, nothing from elsewhere. */
#include "stages/pipeline/timeline.h"

#include "base/clock.h"
#include "base/number.h"
#include "base/text.h"
#include "stages/pipeline/markup.h"
#include "stages/pipeline/timeline_log.h"
#include "stages/pipeline/timeline_style.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

/* Of logs, the ends: this much of each, and of all. What is made of them is at most eleven times as long. */
#define LOG_MAX  ((size_t)1 << 20)
#define LOGS_MAX ((size_t)16 << 20)
#define PAGE_MAX ((size_t)400 << 20)
/* Names, reasons and steps are short, and there may be many of them: then rows go without. */
#define ROWS_MAX ((size_t)150 << 20)

struct page {
    const struct timeline *t;
    const struct timeline_facts *facts;
    struct strbuf b;
    int64_t length; /* of the whole, in milliseconds; at least 1 */
    size_t log_max;
    bool opened;    /* a failed job is open already */
    timeline_read_fn *read;
    void *ctx;
};

static double percent(const struct page *p, int64_t at)
{
    double share = 100.0 * (double)(at - p->facts->start) / (double)p->length;
    return share < 0 ? 0 : share > 100 ? 100 : share;
}

static const char *period(int64_t ms, char *buf, unsigned len)
{
    return duration_format(ms < 0 ? 0 : ms, buf, len);
}

/* ---- Above ---- */

static void put_count(struct page *p, const char *state)
{
    size_t n = 0;

    for (size_t i = 0; i < p->t->n; i++) {
        bool last = i + 1 == p->t->n || strcmp(p->t->tries[i].place, p->t->tries[i + 1].place) != 0;
        n += last && strcmp(p->t->tries[i].state, state) == 0;
    }
    if (n > 0)
        strbuf_printf(&p->b, "<span><b>%zu</b> %s</span>", n, state);
}

static void put_date(struct page *p)
{
    time_t at = (time_t)((clock_epoch_ms() - (clock_ms() - p->facts->start)) / 1000);
    struct tm local = { 0 };
    char text[64] = "";

    if (localtime_r(&at, &local) && strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S %Z", &local) > 0)
        strbuf_printf(&p->b, "<span>%s</span>", text);
}

static void put_head(struct page *p)
{
    static const char *const states[] = { "passed", "warning", "failed", "canceled", "skipped", "manual" };
    const struct checkout *c = &p->facts->project->checkout;
    const char *name = p->facts->project->pipeline_name;
    const char *state = p->facts->status == 0 ? "passed" : p->facts->status == 1 ? "failed" : "canceled";
    char time[32];
    auto_free char *hash = timeline_style_hash();

    strbuf_printf(&p->b, "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
                         "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src '%s'\">\n"
                         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>", hash);
    markup_word(&p->b, c->remote.path);
    strbuf_printf(&p->b, ": pipeline %s</title>\n<style>%s</style>\n<main>\n<div class=\"head\"><h1>", state, timeline_style);
    markup_word(&p->b, name ? name : c->remote.path);
    strbuf_printf(&p->b, "</h1><span class=\"pill %s\">%s</span></div>\n<p class=\"facts\">", state, state);
    if (name) {
        strbuf_puts(&p->b, "<span><b>");
        markup_word(&p->b, c->remote.path);
        strbuf_puts(&p->b, "</b></span>");
    }
    strbuf_printf(&p->b, "<span>%s <b>", c->is_tag ? "tag" : "branch");
    markup_word(&p->b, c->ref);
    strbuf_printf(&p->b, "</b></span><span>commit <code>%.8s</code></span>", p->facts->sha);
    put_date(p);
    strbuf_printf(&p->b, "<span><b>%s</b></span>", period(p->facts->end - p->facts->start, time, sizeof(time)));
    for (size_t i = 0; i < ARRAY_SIZE(states); i++)
        put_count(p, states[i]);
    strbuf_puts(&p->b, "</p>\n");
}

static void put_legend(struct page *p)
{
    static const char *const words[][2] = {
        { "preparing", "preparing" }, { "files", "sources, caches, artifacts" }, { "run", "script" }, { "cleanup", "cleanup" },
    };

    strbuf_puts(&p->b, "<div class=\"legend\"><span><svg><line class=\"wait\" x1=\"0\" x2=\"22\" y1=\"5\" y2=\"5\"/></svg>"
                       "waiting for its turn</span>");
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        strbuf_printf(&p->b, "<span><svg><rect class=\"%s\" width=\"22\" height=\"10\" rx=\"3\"/></svg>%s</span>", words[i][0],
                      words[i][1]);
    strbuf_puts(&p->b, "</div>\n");
}

/* Steps that people count in, at most ten of them. */
static int64_t step_of(int64_t length)
{
    static const int64_t steps[] = { 100, 200, 500, 1000, 2000, 5000, 10000, 15000, 30000, 60000, 120000, 300000, 600000,
                                     900000, 1800000, 3600000 };

    for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
        if (length / steps[i] <= 9)
            return steps[i];
    return (length / 9 / 3600000 + 1) * 3600000;
}

static void put_axis(struct page *p)
{
    int64_t step = step_of(p->length);

    strbuf_puts(&p->b, "<div class=\"axis\"><span></span><svg>");
    for (int64_t at = 0; at <= p->length; at += step) {
        double x = percent(p, p->facts->start + at);
        char time[32];
        strbuf_printf(&p->b, "<line class=\"tick\" x1=\"%.3f%%\" x2=\"%.3f%%\" y1=\"26\" y2=\"34\"/>", x, x);
        if (at > 0)
            strbuf_printf(&p->b, "<text x=\"%.3f%%\" y=\"19\" text-anchor=\"middle\">%s</text>", x,
                          period(at, time, sizeof(time)));
    }
    strbuf_puts(&p->b, "</svg></div>\n");
}

/* ---- One job ---- */

static void put_phase(struct page *p, const struct timeline_phase *x)
{
    double from = percent(p, x->start), width = percent(p, x->end) - from;
    char time[32];

    strbuf_printf(&p->b, "<rect class=\"%s\" x=\"%.3f%%\" width=\"%.3f%%\" y=\"5\" height=\"12\" rx=\"2\"><title>",
                  x->phase == PHASE_RUNNING ? "run" : record_phase_name(x->phase), from, width < 0.12 ? 0.12 : width);
    markup_word(&p->b, x->title);
    strbuf_printf(&p->b, ": %s</title></rect>", period(x->end - x->start, time, sizeof(time)));
}

static void put_bar(struct page *p, const struct timeline_try *tries, size_t n)
{
    int64_t step = step_of(p->length);

    strbuf_puts(&p->b, "<svg class=\"bar\">");
    for (int64_t at = 0; at <= p->length; at += step) {
        double x = percent(p, p->facts->start + at);
        strbuf_printf(&p->b, "<line class=\"tick\" x1=\"%.3f%%\" x2=\"%.3f%%\" y2=\"22\"/>", x, x);
    }
    for (size_t i = 0; i < n; i++) {
        const struct timeline_try *t = &tries[i];
        if (t->n > 0 && t->start - t->ready >= p->length / 400 + 1)
            strbuf_printf(&p->b, "<line class=\"wait\" x1=\"%.3f%%\" x2=\"%.3f%%\" y1=\"11\" y2=\"11\"/>", percent(p, t->ready),
                          percent(p, t->start));
        for (size_t k = 0; k < t->n; k++)
            put_phase(p, &t->phases[k]);
    }
    strbuf_puts(&p->b, "</svg>");
}

static void put_steps(struct page *p, const struct timeline_try *t)
{
    char time[32];

    strbuf_puts(&p->b, "<ul class=\"steps\">");
    if (t->start > t->ready)
        strbuf_printf(&p->b, "<li>waiting <b>%s</b></li>", period(t->start - t->ready, time, sizeof(time)));
    for (size_t i = 0; i < t->n; i++) {
        const struct timeline_phase *x = &t->phases[i];
        strbuf_puts(&p->b, "<li>");
        markup_word(&p->b, x->title);
        strbuf_printf(&p->b, " <b>%s</b></li>", period(x->end - x->start, time, sizeof(time)));
    }
    strbuf_puts(&p->b, "</ul>\n");
}

static void put_log(struct page *p, const struct timeline_try *t)
{
    size_t len, whole;
    auto_free char *text = p->read(p->ctx, t->log, p->log_max, &len, &whole);

    if (!text || len == 0)
        return;
    if (whole > len)
        strbuf_printf(&p->b, "<p class=\"cut\">The first %zu bytes are left out.</p>\n", whole - len);
    strbuf_puts(&p->b, "<pre>");
    timeline_log(&p->b, text, len);
    strbuf_puts(&p->b, "</pre>\n");
}

static void put_try(struct page *p, const struct timeline_try *t, size_t number, size_t n)
{
    if (n > 1 || *t->reason) {
        strbuf_puts(&p->b, "<p class=\"try\">");
        if (n > 1)
            strbuf_printf(&p->b, "Try %zu of %zu: ", number, n);
        strbuf_printf(&p->b, "%s%s", t->state, *t->reason ? ", " : "");
        markup_word(&p->b, t->reason);
        strbuf_puts(&p->b, "</p>\n");
    }
    put_steps(p, t);
    put_log(p, t);
}

/* How deep it is in child pipelines. */
static size_t depth_of(const struct timeline_try *t)
{
    size_t n = 0;

    for (const char *c = t->place; *c; c++)
        n += *c == '.';
    return n < 2 ? n : 2;
}

static void put_cells(struct page *p, const struct timeline_try *tries, size_t n)
{
    const struct timeline_try *last = &tries[n - 1];
    char time[32] = "";

    strbuf_puts(&p->b, "<span class=\"name\" title=\"");
    markup_word(&p->b, last->job);
    strbuf_puts(&p->b, "\">");
    markup_word(&p->b, last->job);
    strbuf_puts(&p->b, "</span>");
    put_bar(p, tries, n);
    if (last->n > 0)
        (void)period(last->end - tries[0].start, time, sizeof(time));
    strbuf_printf(&p->b, "<span class=\"time\">%s</span><span class=\"state\"><span class=\"pill\"", time);
    if (*last->reason) {
        strbuf_puts(&p->b, " title=\"");
        markup_word(&p->b, last->reason);
        strbuf_putc(&p->b, '"');
    }
    strbuf_printf(&p->b, ">%s</span></span>", last->state);
}

/* All tries of one job. The first one that failed is open. */
static void put_job(struct page *p, const struct timeline_try *tries, size_t n)
{
    const struct timeline_try *last = &tries[n - 1];
    bool opens = strcmp(last->state, "failed") == 0 && !p->opened && last->n > 0;

    if (last->n == 0) {
        strbuf_printf(&p->b, "<div class=\"row idle in%zu ", depth_of(last));
        markup_word(&p->b, last->state);
        strbuf_puts(&p->b, "\">");
        put_cells(p, tries, n);
        strbuf_puts(&p->b, "</div>\n");
        return;
    }
    p->opened |= opens;
    strbuf_printf(&p->b, "<details class=\"in%zu ", depth_of(last));
    markup_word(&p->b, last->state);
    strbuf_printf(&p->b, "\"%s><summary>", opens ? " open" : "");
    put_cells(p, tries, n);
    strbuf_puts(&p->b, "</summary>\n<div class=\"body\">\n");
    for (size_t i = 0; i < n; i++)
        put_try(p, &tries[i], i + 1, n);
    strbuf_puts(&p->b, "</div></details>\n");
}

static void put_stage(struct page *p, size_t i)
{
    const struct timeline_try *t = &p->t->tries[i];
    const char *before = "";

    for (size_t k = i; k-- > 0 && !*before;)
        if (!*p->t->tries[k].within)
            before = p->t->tries[k].stage;
    if (*t->within || strcmp(t->stage, before) == 0)
        return;
    strbuf_puts(&p->b, "<div class=\"stage\">");
    markup_word(&p->b, t->stage);
    strbuf_puts(&p->b, "</div>\n");
}

static void put_jobs(struct page *p)
{
    for (size_t i = 0, n; i < p->t->n; i += n) {
        for (n = 1; i + n < p->t->n && strcmp(p->t->tries[i].place, p->t->tries[i + n].place) == 0;)
            n++;
        if (p->b.len > ROWS_MAX) {
            strbuf_printf(&p->b, "<div class=\"stage\">%zu more are not shown: the page would be too large</div>\n", p->t->n - i);
            return;
        }
        put_stage(p, i);
        put_job(p, &p->t->tries[i], n);
    }
}

char *timeline_page(const struct timeline *t, const struct timeline_facts *facts, timeline_read_fn *read, void *ctx)
{
    int64_t length = facts->end - facts->start;
    struct page p = {
        .t = t, .facts = facts, .b = STRBUF_INIT(PAGE_MAX), .length = length > 0 ? length : 1, .read = read, .ctx = ctx,
    };

    p.log_max = t->n > LOGS_MAX / LOG_MAX ? LOGS_MAX / t->n : LOG_MAX;
    put_head(&p);
    put_legend(&p);
    strbuf_puts(&p.b, "<div class=\"card\">\n");
    put_axis(&p);
    put_jobs(&p);
    strbuf_puts(&p.b, "</div>\n<footer>Made by atelier pipeline. A click on a job shows its log.</footer>\n</main>\n</html>\n");
    return strbuf_take(&p.b);
}
