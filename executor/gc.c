/* executor/gc.c: `atelier gc`: removes what runners that were killed left behind.
 *
 * Safe beside running jobs, whose things have not expired, and beside another gc:
 * everything is removed by its id, and what is gone already is fine. A signal ends
 * it at once; the daemon finishes what it was asked, and the next gc finds the rest. */
#include "base/file.h"
#include "base/interrupt.h"
#include "base/number.h"
#include "base/text.h"
#include "executor/cleaning.h"
#include "executor/command.h"
#include "executor/config.h"
#include "executor/deploy_way.h"
#include "executor/direct_way.h"
#include "executor/garbage.h"
#include "executor/idle_network.h"
#include "executor/job_remains.h"
#include "executor/job_sockets.h"
#include "executor/kept.h"
#include "executor/kept_folder.h"
#include "executor/standby_record.h"
#include "executor/table.h"
#include "executor/trace.h"
#include "stages/place.h"

#include <poll.h>
#include <string.h>
#include <time.h>

/* So many requests are on their way at once. */
#define BATCH ((size_t)16)
/* Another gc may hold what we want gone, and the daemon may be slow to let go. */
#define AGAIN_MS    500
#define AGAIN_TIMES 6
/* A job's folders for its sockets are there before its containers are, as long as its images take. */
#define FOLDER_AGE_S ((int64_t)24 * 60 * 60)

struct gc {
    const struct invocation *in;
    struct engine *engine;
    struct garbage_rule rule;
    struct garbage garbage;
    struct err *errs; /* why a thing is still here, beside each of garbage.things */
    size_t failed;
    size_t folders; /* for sockets, of jobs that are gone */
    size_t networks; /* that waited for jobs */
    size_t kept_folders; /* of failed jobs that were kept */
    struct strvec abandoned; /* jobs whose cleanup did not come to its end: */
    struct cleaning *held;   /* nobody prepares them meanwhile */
    struct standby_records standby;
    struct strvec over;      /* the keys of all that is over, whatever its date */
    char *job;               /* the key that is asked for; NULL: all */
};

static void gc_release(struct gc *gc)
{
    for (size_t i = 0; gc->errs && i < gc->garbage.n; i++)
        err_release(&gc->errs[i]);
    free(gc->errs);
    garbage_release(&gc->garbage);
    for (size_t i = 0; i < gc->abandoned.n; i++)
        cleaning_release(&gc->held[i]);
    free(gc->held);
    strvec_release(&gc->abandoned);
    strvec_release(&gc->over);
    standby_records_release(&gc->standby);
    free(gc->job);
    engine_close(gc->engine);
}

static int read_age(const char *text, int64_t *seconds, struct err *e)
{
    int64_t ms;

    if (age_parse(text, &ms) < 0) {
        auto_free char *shown = text_quote(text);
        return err_set(e, ERR_USAGE, 0, "option '--older-than': '%s' is no duration with its unit, such as 90m, 12h or 2d", shown);
    }
    *seconds = ms / 1000;
    return 0;
}

static int find(struct gc *gc, struct err *e)
{
    const struct invocation *in = gc->in;
    auto_strvec labels = STRVEC_INIT;

    if (in->runner)
        strvec_pushf(&labels, LABEL_RUNNER "=%s", in->runner);
    if (gc->job)
        strvec_pushf(&labels, LABEL_JOB "=%s", gc->job);
    if (garbage_find(gc->engine, &labels, &gc->rule, &gc->garbage, e) < 0)
        return -1;
    gc->errs = xcalloc(gc->garbage.n + 1, sizeof(*gc->errs));
    return 0;
}

/* The next things of one kind that are to go, at most a batch; *at is where to look, and where to go on. */
static size_t next_batch(const struct gc *gc, size_t *at, size_t which[BATCH])
{
    const struct garbage *g = &gc->garbage;
    size_t n = 0;

    for (; *at < g->n && n < BATCH; ++*at) {
        if (!g->things[*at].garbage)
            continue;
        if (n > 0 && g->things[which[0]].kind != g->things[*at].kind)
            break;
        which[n++] = *at;
    }
    return n;
}

/* How many are still there; what did not let itself be removed keeps its error. */
static size_t remove_again(struct gc *gc, enum thing_kind kind, const char *const ids[BATCH], struct err errs[BATCH], size_t n)
{
    size_t left = 0;

    (void)poll(NULL, 0, AGAIN_MS);
    for (size_t i = 0; i < n; i++) {
        bool again = errs[i].msg != NULL;
        err_release(&errs[i]);
        left += again && thing_remove(gc->engine, kind, &ids[i], &errs[i], 1) < 0;
    }
    return left;
}

static void remove_batch(struct gc *gc, const size_t which[BATCH], size_t n)
{
    const char *ids[BATCH + 1] = { NULL };
    struct err errs[BATCH] = { 0 };
    enum thing_kind kind = gc->garbage.things[which[0]].kind;

    for (size_t i = 0; i < n; i++)
        ids[i] = gc->garbage.things[which[i]].id;
    if (thing_remove(gc->engine, kind, ids, errs, n) == 0)
        return;
    size_t left = n;
    for (int i = 0; i < AGAIN_TIMES && left > 0; i++)
        left = remove_again(gc, kind, ids, errs, n);
    gc->failed += left;
    for (size_t i = 0; i < n; i++)
        if (errs[i].msg)
            (void)err_move(&gc->errs[which[i]], &errs[i]);
}

static void remove_garbage(struct gc *gc)
{
    size_t which[BATCH];
    size_t at = 0, n;

    while ((n = next_batch(gc, &at, which)) > 0)
        remove_batch(gc, which, n);
}

/* Something of the job stays on the daemon. */
static bool has_things(const struct gc *gc, const char *key)
{
    for (size_t i = 0; i < gc->garbage.n; i++) {
        const struct thing *t = &gc->garbage.things[i];
        if (strcmp(t->job, key) == 0 && (!t->garbage || gc->errs[i].msg))
            return true;
    }
    return false;
}

/* A key is "<runner>-<job id>", or "<runner>-standby-…". */
static bool is_asked_for(const struct gc *gc, const char *key)
{
    const char *runner = gc->in->runner;
    size_t len = runner ? strlen(runner) : 0;

    if (gc->job && strcmp(gc->job, key) != 0)
        return false;
    return !runner || (text_starts(key, runner) && key[len] == '-' &&
                       (strspn(key + len + 1, "0123456789") == strlen(key + len + 1) ||
                        text_starts(key + len + 1, "standby-")));
}

/* What their cleanup could not do is done. */
static void end_cleanups(const struct gc *gc, const struct config *config)
{
    for (size_t i = 0; !gc->in->dry_run && i < gc->abandoned.n; i++) {
        const char *key = gc->abandoned.items[i];
        if (!is_asked_for(gc, key) || has_things(gc, key))
            continue;
        job_remains_remove(config, key);
        cleaning_end(&gc->held[i], NULL);
    }
}

/* ---- What stands by ---- */

/* Whether what waited when it was listed is ours now: a job may have taken it, and another pair wait in its place. That
 * one is of nobody's then, and goes the next time. */
static bool withdraw(const struct gc *gc, const struct config *config, size_t i)
{
    if (gc->in->dry_run)
        return true;
    auto_free char *key = standby_record_withdraw(config, gc->standby.slots.items[i]);
    return key && strcmp(key, gc->standby.waiting.items[i]) == 0;
}

static void spare(struct gc *gc, const char *key)
{
    for (size_t i = 0; i < gc->garbage.n; i++) {
        struct thing *t = &gc->garbage.things[i];
        if (!t->garbage || strcmp(t->job, key) != 0)
            continue;
        t->garbage = false;
        gc->garbage.n_garbage--;
    }
}

static bool has_garbage(const struct gc *gc, const char *key)
{
    for (size_t i = 0; i < gc->garbage.n; i++)
        if (gc->garbage.things[i].garbage && strcmp(gc->garbage.things[i].job, key) == 0)
            return true;
    return false;
}

/* Nobody may take what is about to go, and what somebody has just taken stays. */
static void claim_standby(struct gc *gc, const struct config *config)
{
    for (size_t i = 0; i < gc->standby.waiting.n; i++) {
        const char *key = gc->standby.waiting.items[i];
        if (!has_garbage(gc, key) || strvec_has(&gc->over, key))
            continue;
        if (withdraw(gc, config, i))
            strvec_push(&gc->over, key);
        else
            spare(gc, key);
    }
}

/* What waits for jobs is over when nobody wants it any more; so is what was to be removed and is still here. */
static void find_standby(struct gc *gc, const struct config *config)
{
    standby_records_list(config, &gc->standby);
    for (size_t i = 0; i < gc->standby.taken.n; i++)
        if (gc->in->job && strcmp(gc->in->job, gc->standby.jobs.items[i]) == 0)
            gc->job = xstrdup(gc->standby.taken.items[i]);
    if (gc->in->job && !gc->job)
        gc->job = xstrdup(gc->in->job);
    strvec_push_all(&gc->over, &gc->abandoned);
    strvec_push_all(&gc->over, &gc->standby.lost);
    for (size_t i = 0; config->standby == 0 && i < gc->standby.waiting.n; i++)
        if (is_asked_for(gc, gc->standby.waiting.items[i]) && withdraw(gc, config, i))
            strvec_push(&gc->over, gc->standby.waiting.items[i]);
    gc->rule.late = gc->standby.dates;
    gc->rule.n_late = gc->standby.taken.n;
}

static void end_record(const struct config *config, const char *key)
{
    job_remains_remove(config, key);
    standby_record_remove(config, key);
}

/* Records of what is gone. */
static void end_standby(const struct gc *gc, const struct config *config)
{
    const struct standby_records *s = &gc->standby;

    for (size_t i = 0; i < s->lost.n; i++)
        if (is_asked_for(gc, s->lost.items[i]) && !has_things(gc, s->lost.items[i]))
            end_record(config, s->lost.items[i]);
    for (size_t i = 0; i < s->waiting.n; i++) {
        const char *key = s->waiting.items[i];
        if (!is_asked_for(gc, key) || has_things(gc, key))
            continue;
        if (strvec_has(&gc->over, key) || withdraw(gc, config, i))
            end_record(config, key);
    }
    for (size_t i = 0; i < s->taken.n; i++)
        if (is_asked_for(gc, s->taken.items[i]) && !has_things(gc, s->taken.items[i])) {
            standby_record_return(config, s->jobs.items[i]);
            end_record(config, s->taken.items[i]);
        }
}

/* ---- Folders for sockets ---- */

/* No cleanup came for these jobs, or they were kept. */
static void remove_folders(struct gc *gc, const struct config *config)
{
    int64_t before = gc->rule.now - (gc->rule.older_than < 0 ? FOLDER_AGE_S : gc->rule.older_than);
    auto_strvec keys = STRVEC_INIT;

    if (config->targets.n > 0)
        deploy_way_list(config, before, &keys);
    direct_way_list(config, before, &keys);
    for (size_t i = 0; i < keys.n; i++) {
        if (!is_asked_for(gc, keys.items[i]) || has_things(gc, keys.items[i]))
            continue;
        gc->folders++;
        if (gc->in->dry_run)
            continue;
        job_sockets_remove(config, keys.items[i]);
    }
}

/* ---- Networks that wait ---- */

/* Those of jobs that are gone wait from now on. One of which nothing was found may be about to have its containers. */
static void return_networks(const struct gc *gc, const struct config *config)
{
    auto_strvec all = STRVEC_INIT, old = STRVEC_INIT;

    idle_network_list(config, INT64_MAX, &all);
    idle_network_list(config, gc->rule.now - FOLDER_AGE_S, &old);
    for (size_t i = 0; i < all.n; i++) {
        const char *key = all.items[i];
        if (is_asked_for(gc, key) && !has_things(gc, key) && (has_garbage(gc, key) || strvec_has(&old, key)))
            idle_network_return(config, key);
    }
}

static void remove_networks(struct gc *gc, const struct config *config)
{
    int64_t older_than = gc->rule.older_than < 0 ? IDLE_NETWORK_S : gc->rule.older_than;
    bool apply = !gc->in->dry_run;
    auto_err e = ERR_INIT;

    if (apply)
        return_networks(gc, config);
    if (gc->in->job || gc->in->runner)
        return;
    if (idle_network_prune(config, apply ? gc->engine : NULL, older_than, &gc->networks, &e) < 0 ||
        idle_network_sweep(config, gc->engine, apply, &gc->networks, &e) < 0)
        log_warning(&gc->in->log, "networks that wait for jobs: %s", err_text(&e));
}

static void remove_kept_folders(struct gc *gc, const struct config *config)
{
    auto_strvec keys = STRVEC_INIT;

    kept_folder_list(config, &keys);
    for (size_t i = 0; i < keys.n; i++) {
        auto_err e = ERR_INIT;
        if (!is_asked_for(gc, keys.items[i]) || has_things(gc, keys.items[i]))
            continue;
        if (gc->in->dry_run || kept_folder_remove(config, keys.items[i], &e) == 0)
            gc->kept_folders++;
        else
            log_warning(&gc->in->log, "folder of the kept job %s: %s", keys.items[i], err_text(&e));
    }
}

/* ---- What is said ---- */

static const char *outcome(const struct gc *gc, size_t i)
{
    if (gc->in->dry_run)
        return "would go";
    return gc->errs[i].msg ? "failed" : "removed";
}

enum { COLUMNS = 6 };

/* The row of a thing that is, or was, garbage. */
static void add_row(const struct gc *gc, size_t i, struct strvec *cells)
{
    const struct thing *t = &gc->garbage.things[i];
    char age[32] = "-";

    if (t->created >= 0 && t->created <= gc->rule.now)
        (void)duration_format((gc->rule.now - t->created) * 1000, age, sizeof(age));
    strvec_push(cells, thing_word(t->kind));
    strvec_give(cells, text_quote(t->name));
    strvec_give(cells, text_quote(*t->job ? t->job : "-"));
    strvec_give(cells, text_quote(*t->project ? t->project : "-"));
    strvec_push(cells, age);
    strvec_push(cells, outcome(gc, i));
}

static void write_table(const struct gc *gc, struct strbuf *out)
{
    static const char *const heads[COLUMNS] = { "KIND", "NAME", "JOB", "PROJECT", "AGE", "RESULT" };
    auto_strvec cells = STRVEC_INIT;

    if (gc->garbage.n_garbage == 0)
        return;
    for (size_t c = 0; c < COLUMNS; c++)
        strvec_push(&cells, heads[c]);
    for (size_t i = 0; i < gc->garbage.n; i++)
        if (gc->garbage.things[i].garbage)
            add_row(gc, i, &cells);
    table_write(&cells, COLUMNS, out);
}

static void write_summary(const struct gc *gc, struct strbuf *out)
{
    const struct garbage *g = &gc->garbage;
    size_t kept = g->n - g->n_garbage;

    for (size_t i = 0; i < g->n; i++)
        if (g->things[i].kept && !g->things[i].garbage)
            kept_describe(&g->things[i], out);
    if (g->n_garbage == 0)
        strbuf_puts(out, "Nothing to remove");
    else if (gc->in->dry_run)
        strbuf_printf(out, "%zu would be removed", g->n_garbage);
    else
        strbuf_printf(out, "Removed %zu of %zu", g->n_garbage - gc->failed, g->n_garbage);
    if (kept > 0)
        strbuf_printf(out, "; %zu that may still be needed stay%s", kept, kept == 1 ? "s" : "");
    strbuf_puts(out, "\n");
    if (gc->kept_folders > 0)
        strbuf_printf(out, "%zu build folder%s of failed jobs that were kept %s\n", gc->kept_folders,
                      gc->kept_folders == 1 ? "" : "s", gc->in->dry_run ? "would go" : "removed");
    if (gc->networks > 0)
        strbuf_printf(out, "%zu network%s that waited for jobs %s\n", gc->networks, gc->networks == 1 ? "" : "s",
                      gc->in->dry_run ? "would go" : "removed");
    if (gc->folders > 0)
        strbuf_printf(out, "%zu folder%s of jobs that are gone %s\n", gc->folders, gc->folders == 1 ? "" : "s",
                      gc->in->dry_run ? "would go" : "removed");
}

static int report(const struct gc *gc, struct err *e)
{
    auto_strbuf out = STRBUF_TEXT;

    write_table(gc, &out);
    write_summary(gc, &out);
    if (fd_write(STDOUT_FILENO, strbuf_text(&out), out.len, e) < 0)
        return -1;
    for (size_t i = 0; i < gc->garbage.n; i++)
        if (gc->errs[i].msg)
            log_error(&gc->in->log, "%s", err_text(&gc->errs[i]));
    return gc->failed ? 2 : 0;
}

int command_gc(const struct invocation *in, struct err *e)
{
    auto_config config = { 0 };
    struct engine_endpoint endpoint;
    __attribute__((cleanup(gc_release))) struct gc gc = {
        .in = in, .rule = { .now = (int64_t)time(NULL), .older_than = GARBAGE_BY_LABEL, .abandoned = &gc.over }
    };

    interrupt_default();
    if (in->older_than && read_age(in->older_than, &gc.rule.older_than, e) < 0)
        return -1;
    if (config_read(in->config, in->env, &config, e) < 0)
        return -1;
    gc.held = cleaning_hold_abandoned(&config, &gc.abandoned);
    find_standby(&gc, &config);
    config_endpoint(&config, in->env, &endpoint);
    if (engine_open(&endpoint, &gc.engine, e) < 0 || find(&gc, e) < 0)
        return -1;
    claim_standby(&gc, &config);
    if (!in->dry_run)
        remove_garbage(&gc);
    end_cleanups(&gc, &config);
    if (!in->dry_run) {
        end_standby(&gc, &config);
        trace_prune(&config);
    }
    remove_folders(&gc, &config);
    remove_kept_folders(&gc, &config);
    remove_networks(&gc, &config);
    return report(&gc, e);
}
