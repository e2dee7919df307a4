/* stages/pipeline/running.c: the jobs of a pipeline, side by side, from the first to the last. */
#include "stages/pipeline/pipeline_state.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/number.h"
#include "base/text.h"
#include "stages/pipeline/job_process.h"
#include "stages/pipeline/resource_group.h"

#include <limits.h>
#include <signal.h>
#include <string.h>

/* How often to ask for a resource group that another pipeline holds: its end is no event for us. */
#define GROUP_PAUSE_MS 500

/* A job under way. */
struct work {
    struct entry *entry;
    struct job_process process;
    struct report_lines lines;
    size_t slot; /* of struct crew's */
    int group;   /* the lock of its resource group; -1: none */
};

struct crew {
    struct pipeline *p;
    struct work *work; /* p->most of them */
    size_t n;          /* that run now */
    struct slot *slots; /* the pipeline's, and more of the project's as they were needed: kept until the end */
    bool *taken;
    size_t n_slots;
    size_t begun; /* jobs that ran so far */
    int told;     /* signals that were handed on */
    bool failed;  /* a job did, and that ends all: `auto_cancel` */
    bool changed; /* a job's state has: others may follow from it */
};

static void crew_open(struct crew *c, struct pipeline *p)
{
    *c = (struct crew){ .p = p, .changed = true };
    c->work = xcalloc(p->most + 1, sizeof(*c->work));
    c->slots = xcalloc(p->most + 1, sizeof(*c->slots));
    c->taken = xcalloc(p->most + 1, sizeof(*c->taken));
    c->slots[c->n_slots++] = p->slot;
}

static void crew_release(struct crew *c)
{
    for (size_t i = 1; i < c->n_slots; i++)
        slot_release(&c->slots[i]);
    free(c->slots);
    free(c->taken);
    free(c->work);
}

/* ---- Starting ---- */

static int take_slot(struct crew *c, size_t *out, struct err *e)
{
    for (size_t i = 0; i < c->n_slots; i++) {
        if (c->taken[i])
            continue;
        *out = i;
        return 0;
    }
    if (slot_take(c->p->state, c->p->project.checkout.project_id, &c->slots[c->n_slots], e) < 0)
        return -1;
    *out = c->n_slots++;
    return 0;
}

/* Of the jobs that have ended; each still the entry's. The caller frees the list. */
static struct job_left *list_left(const struct pipeline *p, size_t *n)
{
    struct job_left *left = xcalloc(p->n + 1, sizeof(*left));

    *n = 0;
    for (size_t i = 0; i < p->n; i++)
        if (p->entries[i].has_left)
            left[(*n)++] = p->entries[i].left;
    return left;
}

static int start_process(struct crew *c, struct entry *x, struct work *w, struct err *e)
{
    struct pipeline *p = c->p;
    struct pipeline_facts facts = p->facts;
    struct report report = { .fd = -1, .colour = p->report.colour, .beside = p->most > 1 };
    size_t n_left;
    auto_free struct job_left *left = list_left(p, &n_left);
    const struct job_world world = {
        .file = &p->project.file,
        .facts = &facts,
        .source = &p->source,
        .snapshot = &p->snapshot,
        .project_variables = &p->project.variables,
        .kept = &p->project.kept,
        .n_kept = p->project.n_kept,
        .driver = &p->driver,
        .temporary = pipeline_temporary(p),
        .report = &report,
        .record = &p->record,
        .options = p->options,
        .left = left,
        .n_left = n_left,
        .number = x->number,
    };
    const int locks[] = { c->slots[w->slot].fd, w->group };
    int64_t id;

    facts.place = c->slots[w->slot].number;
    if (pipeline_new_id(&id, e) < 0)
        return -1;
    return job_process_start(&world, x->job, id, locks, &w->process, e);
}

static void begin(struct crew *c, struct entry *x)
{
    x->turn->state = JOB_RUNNING;
    if (x->number > 0)
        return;
    x->number = ++c->begun;
    x->started_ms = clock_ms();
    pipeline_tell(c->p, x, "running", STYLE_BOLD);
}

/* It cannot be had: the job's failure, so that all others go their way. */
static void give_up(struct crew *c, struct entry *x, const struct err *e)
{
    free(x->outcome.reason);
    x->outcome = (struct job_outcome){ .reason = xasprintf("system failure: %s", err_text(e)), .code = -1 };
    x->turn->state = order_judge_failure(x->job, -1);
    c->changed = true;
    pipeline_tell_end(c->p, x);
}

/* `group`: the lock, which it takes over. */
static void start(struct crew *c, struct entry *x, int group)
{
    auto_err e = ERR_INIT;
    struct work *w = &c->work[c->n];

    *w = (struct work){ .entry = x, .process = JOB_PROCESS_INIT, .lines = REPORT_LINES_INIT, .group = group };
    w->lines.name = x->job->name;
    if (take_slot(c, &w->slot, &e) == 0) {
        begin(c, x);
        if (start_process(c, x, w, &e) == 0) {
            w->lines.number = x->number;
            c->taken[w->slot] = true;
            c->n++;
            return;
        }
    } else if (c->n > 0) { /* other pipelines have them all: when one of ours is free */
        cleanup_close(&group);
        return;
    }
    cleanup_close(&group);
    give_up(c, x, &e);
}

/* ---- Who may start ---- */

/* Whether its time has come; else when that is. */
static bool is_due(struct pipeline *p, struct entry *x, int64_t *when)
{
    int64_t ms = x->job->start_in * 1000;
    char time[32];

    if (x->job->when != WHEN_DELAYED || x->turn->named || p->options->no_wait)
        return true;
    if (x->due == 0) {
        x->due = clock_ms() + ms;
        auto_free char *text = xasprintf("waits %s (`start_in`); --no-wait starts it at once",
                                         duration_format(ms, time, sizeof(time)));
        pipeline_tell(p, x, text, STYLE_DIM);
    }
    *when = x->due;
    return clock_ms() >= x->due;
}

/* 1: it has what it needs, *fd the lock; 0: somebody has it; negative: it cannot be had. */
static int take_group(struct crew *c, struct entry *x, int *fd)
{
    auto_err e = ERR_INIT;

    *fd = -1;
    if (!x->group || !*x->group)
        return 1;
    if (resource_group_take(c->p->state, c->p->project.checkout.project_id, x->group, fd, &e) < 0) {
        give_up(c, x, &e);
        return -1;
    }
    if (*fd >= 0)
        return 1;
    auto_free char *shown = text_quote(x->group);
    auto_free char *text = xasprintf("waits for the resource group '%s'", shown);
    if (!x->told_group)
        pipeline_tell(c->p, x, text, STYLE_DIM);
    x->told_group = true;
    return 0;
}

/* Start what there is room for. Returns when to look again, by clock_ms(): INT64_MAX: when something happens. */
static int64_t start_ready(struct crew *c)
{
    int64_t again = INT64_MAX, now = clock_ms();

    for (size_t i = 0; i < c->p->n && c->n < c->p->most; i++) {
        struct entry *x = &c->p->entries[i];
        int64_t when = now;
        int group;
        if (x->turn->state != JOB_READY)
            continue;
        if (is_due(c->p, x, &when)) {
            int held = take_group(c, x, &group);
            if (held > 0)
                start(c, x, group);
            when = now + GROUP_PAUSE_MS;
        }
        if (x->turn->state == JOB_READY && when < again)
            again = when;
    }
    return again;
}

/* ---- Ends ---- */

static void tell_again(struct pipeline *p, struct entry *x, const struct job_outcome *o)
{
    auto_free char *text = xasprintf("%s (%s), tried again", job_state_name(o->state), o->reason ? o->reason : "");

    pipeline_tell(p, x, text, STYLE_WARNING);
    x->tries++;
    x->turn->state = JOB_READY;
}

/* What is left of a try that is repeated stays in the store, and is nobody's. */
static void end(struct crew *c, struct work *w)
{
    struct entry *x = w->entry;
    struct pipeline *p = c->p;

    free(x->outcome.reason);
    job_left_release(&x->left);
    job_process_end(&w->process, x->job, &x->left, &x->outcome);
    report_lines_end(&p->report, &w->lines);
    c->taken[w->slot] = false;
    cleanup_close(&w->group);
    c->changed = true;
    if (order_tries_again(x->job, x->outcome.failure, x->outcome.code, x->tries) && !p->cancel.signal && !c->failed) {
        tell_again(p, x, &x->outcome);
        return;
    }
    x->turn->state = x->outcome.state;
    x->has_left = true;
    x->ms = clock_ms() - x->started_ms;
    pipeline_tell_end(p, x);
}

/* Of those that did not run. One by one, they are told in their order. */
static void tell_ends(struct pipeline *p)
{
    for (size_t i = 0; i < p->n; i++) {
        struct entry *x = &p->entries[i];
        bool has_ended = job_state_is_end(x->turn->state);
        if (has_ended && !x->told)
            pipeline_tell_end(p, x);
        if (!has_ended && p->most == 1)
            return;
    }
}

/* What runs gets the signal that a cancelled job gets on a server. */
static void end_by_failure(struct crew *c)
{
    struct pipeline *p = c->p;

    if (c->failed || !p->project.file.auto_cancel.by_failure)
        return;
    for (size_t i = 0; i < p->n && !c->failed; i++)
        c->failed = p->order.items[i].state == JOB_FAILED;
    for (size_t i = 0; c->failed && i < c->n; i++)
        job_process_tell(&c->work[i].process, SIGTERM);
}

static void settle(struct crew *c, struct order *whole)
{
    struct pipeline *p = c->p;

    end_by_failure(c);
    for (size_t i = 0; (p->cancel.signal || c->failed) && i < p->n; i++)
        if (p->order.items[i].state < JOB_RUNNING)
            p->order.items[i].state = JOB_CANCELED;
    (void)order_settle(&p->order, whole);
    tell_ends(p);
    c->changed = false;
}

/* ---- Waiting ---- */

/* Nothing else here takes note of them: what is taken note of has to be handed on. */
static void hand_on_signals(struct crew *c)
{
    struct cancel *cancel = &c->p->cancel;

    for (c->changed |= cancel_check(cancel) && c->told < cancel->count; c->told < cancel->count; c->told++)
        for (size_t i = 0; i < c->n; i++)
            job_process_tell(&c->work[i].process, cancel->signal);
}

struct log {
    struct pipeline *pipeline;
    struct work *work;
};

/* Alone, a job's log is shown as it comes. */
static void show(void *ctx, const char *data, size_t len)
{
    const struct log *log = ctx;

    if (log->pipeline->most > 1)
        report_lines(&log->pipeline->report, &log->work->lines, data, len);
    else
        (void)fd_write(log->pipeline->report.fd, data, len, NULL);
}

static int time_until(int64_t when)
{
    int64_t ms = when - clock_ms();

    return when == INT64_MAX ? -1 : ms < 0 ? 0 : ms > INT_MAX ? INT_MAX : (int)ms;
}

static void wait(struct crew *c, int64_t when)
{
    size_t n = 1 + c->n * JOB_PROCESS_FDS;
    auto_free struct pollfd *fds = xcalloc(n, sizeof(*fds));

    fds[0] = (struct pollfd){ .fd = c->p->cancel.fd, .events = POLLIN };
    for (size_t i = 0; i < c->n; i++)
        job_process_poll(&c->work[i].process, fds + 1 + i * JOB_PROCESS_FDS);
    if (poll(fds, n, time_until(when)) <= 0)
        return;
    for (size_t i = c->n; i-- > 0;) { /* from the end: the last one takes the place of one that has ended */
        struct work *w = &c->work[i];
        struct log log = { c->p, w };
        if (!job_process_follow(&w->process, fds + 1 + i * JOB_PROCESS_FDS, show, &log))
            continue;
        end(c, w);
        *w = c->work[--c->n];
    }
}

void pipeline_run_jobs(struct pipeline *p, struct order *whole)
{
    struct crew c;

    crew_open(&c, p);
    for (;;) {
        hand_on_signals(&c);
        if (c.changed)
            settle(&c, whole);
        int64_t again = start_ready(&c);
        if (c.changed)
            continue;
        if (c.n == 0 && again == INT64_MAX)
            break;
        wait(&c, again);
    }
    crew_release(&c);
}
