/* executor/caches_prune.c: `atelier cache prune`: makes room, beside jobs that run. */
#include "executor/caches.h"

#include "base/file.h"
#include "base/number.h"
#include "base/text.h"
#include "executor/table.h"

#include <unistd.h>

enum outcome { OUTCOME_WOULD_GO, OUTCOME_REMOVED, OUTCOME_IN_USE, OUTCOME_FAILED, OUTCOMES };

static const char *const outcome_words[OUTCOMES] = { "would go", "removed", "in use", "failed" };
static const char *const fate_words[] = { [FATE_AGE] = "age", [FATE_SIZE] = "size", [FATE_LEFTOVER] = "leftover" };

struct prune {
    struct caches *c;
    struct strvec cells;
    struct strvec problems;
    size_t counts[OUTCOMES];
    int64_t freed;
};

static void prune_release(struct prune *p)
{
    strvec_release(&p->cells);
    strvec_release(&p->problems);
}

static int read_limits(const struct caches *c, struct store_limits *out, struct err *e)
{
    int64_t age_ms = c->config.cache_age_ms;

    *out = (struct store_limits){ .now = c->now, .size = c->config.cache_size };
    if (c->in->size && size_parse(c->in->size, &out->size) < 0) {
        auto_free char *shown = text_quote(c->in->size);
        return err_set(e, ERR_USAGE, 0, "option '--size': '%s' is no size such as 20g or 512m", shown);
    }
    if (c->in->age && age_parse(c->in->age, &age_ms) < 0) {
        auto_free char *shown = text_quote(c->in->age);
        return err_set(e, ERR_USAGE, 0, "option '--age': '%s' is no duration with its unit, such as 30d or 12h", shown);
    }
    out->age = age_ms / 1000;
    return 0;
}

static enum outcome remove_one(struct prune *p, const struct store_entry *t)
{
    enum store_outcome outcome = STORE_REMOVED;
    auto_err problem = ERR_INIT;

    if (p->c->in->dry_run)
        return store_is_locked(p->c->root, t) ? OUTCOME_IN_USE : OUTCOME_WOULD_GO;
    if (store_remove(p->c->root, t, p->c->now, &outcome, &problem) < 0) {
        strvec_push(&p->problems, err_text(&problem));
        return OUTCOME_FAILED;
    }
    return outcome == STORE_IN_USE ? OUTCOME_IN_USE : OUTCOME_REMOVED;
}

/* What is freed when the entry's fate comes true. */
static int64_t goes(const struct store_entry *t)
{
    return t->leftover_size + (t->fate == FATE_LEFTOVER ? 0 : t->size);
}

static void prune_one(struct prune *p, const struct store_entry *t)
{
    enum outcome outcome = remove_one(p, t);

    p->counts[outcome]++;
    if (outcome == OUTCOME_REMOVED || outcome == OUTCOME_WOULD_GO)
        p->freed += goes(t);
    strvec_give(&p->cells, caches_project(t));
    strvec_give(&p->cells, text_quote(store_entry_key(t)));
    strvec_give(&p->cells, caches_size(goes(t)));
    strvec_give(&p->cells, t->used > 0 ? caches_age(p->c, t->used) : xstrdup("-"));
    strvec_push(&p->cells, fate_words[t->fate]);
    strvec_push(&p->cells, outcome_words[outcome]);
}

static void write_summary(const struct prune *p, const struct store_limits *limits, struct strbuf *out)
{
    size_t n = p->counts[p->c->in->dry_run ? OUTCOME_WOULD_GO : OUTCOME_REMOVED];
    auto_free char *freed = caches_size(p->freed);
    struct store_totals sum;

    if (n == 0)
        strbuf_puts(out, "Nothing to remove");
    else
        strbuf_printf(out, "%s %zu, %s", p->c->in->dry_run ? "Would remove" : "Removed", n, freed);
    if (p->counts[OUTCOME_IN_USE] > 0)
        strbuf_printf(out, "; %zu in use stay%s", p->counts[OUTCOME_IN_USE], p->counts[OUTCOME_IN_USE] == 1 ? "s" : "");
    store_index_sum(&p->c->index, &sum);
    if (limits->size == 0 && limits->age == 0 && sum.caches > 0)
        strbuf_puts(out, "; caches have no limit: see cache_size and cache_age in 'atelier sample'");
    strbuf_putc(out, '\n');
}

static int report(const struct prune *p, const struct store_limits *limits, struct err *e)
{
    enum { COLUMNS = 6 };
    auto_strbuf out = STRBUF_TEXT;

    if (p->cells.n > COLUMNS)
        table_write(&p->cells, COLUMNS, &out);
    write_summary(p, limits, &out);
    caches_remark(p->c, &out);
    if (fd_write(STDOUT_FILENO, strbuf_text(&out), out.len, e) < 0)
        return -1;
    for (size_t i = 0; i < p->problems.n; i++)
        log_error(&p->c->in->log, "%s", p->problems.items[i]);
    return p->counts[OUTCOME_FAILED] > 0 ? 2 : 0;
}

int caches_prune(struct caches *c, struct err *e)
{
    static const char *const heads[] = { "PROJECT", "KEY", "SIZE", "LAST USED", "WHY", "RESULT" };
    __attribute__((cleanup(prune_release))) struct prune p = { .c = c };
    struct store_limits limits;

    if (read_limits(c, &limits, e) < 0)
        return -1;
    store_index_judge(&c->index, &limits);
    for (size_t i = 0; i < ARRAY_SIZE(heads); i++)
        strvec_push(&p.cells, heads[i]);
    for (size_t i = c->index.n; i-- > 0;) /* what was used longest ago goes first, should we be stopped */
        if (c->index.entries[i].fate != FATE_STAYS)
            prune_one(&p, &c->index.entries[i]);
    return report(&p, &limits, e);
}
