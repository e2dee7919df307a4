#include "stages/pipeline/order.h"

#include "base/text.h"

/* Of a job's name, in a column of a table. */
#define NAME_SHOWN ((size_t)60)

static const char *const state_names[] = {
    [JOB_CREATED] = "created", [JOB_READY] = "ready",     [JOB_RUNNING] = "running", [JOB_PASSED] = "passed",
    [JOB_FAILED] = "failed",   [JOB_WARNED] = "warning",  [JOB_SKIPPED] = "skipped", [JOB_MANUAL] = "manual",
    [JOB_CANCELED] = "canceled",
};

const char *job_state_name(enum job_state s)
{
    return state_names[s];
}

enum job_state order_decide(const struct order *o, const struct ci_job *job, bool named, const char **reason)
{
    *reason = NULL;
    if (o->gates.first) {
        *reason = "waits for a manual job";
        return JOB_SKIPPED;
    }
    if (o->missed && job->when != WHEN_ALWAYS) {
        *reason = "a job that it needs did not run";
        return JOB_SKIPPED;
    }
    if ((job->when == WHEN_ON_SUCCESS || job->when == WHEN_DELAYED) && o->failed) {
        *reason = "an earlier job failed";
        return JOB_SKIPPED;
    }
    if (named)
        return JOB_READY;
    if (job->when == WHEN_ON_FAILURE && !o->failed) {
        *reason = "no earlier job failed";
        return JOB_SKIPPED;
    }
    /* Nobody can start it any more once an earlier stage has failed. */
    if (job->when == WHEN_MANUAL && o->failed) {
        *reason = "an earlier job failed";
        return JOB_SKIPPED;
    }
    if (job->when == WHEN_MANUAL) {
        *reason = "runs when it is named";
        return JOB_MANUAL;
    }
    return JOB_READY;
}

enum job_state order_judge_failure(const struct ci_job *job, int code)
{
    if (!job->allow_failure)
        return JOB_FAILED;
    if (!job->allowed_codes)
        return JOB_WARNED;
    for (size_t i = 0; i < job->n_allowed_codes; i++)
        if (job->allowed_codes[i] == code)
            return JOB_WARNED;
    return JOB_FAILED;
}

bool order_tries_again(const struct ci_job *job, const char *failure, int code, int64_t tries)
{
    const struct ci_retry *retry = &job->retry;

    if (!failure || tries >= retry->max)
        return false;
    if (retry->when.n == 0 && !retry->codes)
        return true;
    for (size_t i = 0; i < retry->n_codes; i++)
        if (retry->codes[i] == code)
            return true;
    return strvec_has(&retry->when, "always") || strvec_has(&retry->when, failure);
}

/* Those after it wait until somebody starts it. */
static bool blocks(const struct ci_job *job, enum job_state state)
{
    return state == JOB_MANUAL && (!job->allow_failure || job->allowed_codes);
}

static void add_gates(struct order_gates *g, const struct order_gates *more)
{
    if (!g->first)
        g->first = more->first;
    g->n += more->n;
}

static void add_gate(struct order_gates *g, const struct ci_job *job)
{
    add_gates(g, &(const struct order_gates){ job->name, 1 });
}

void order_add(struct order *o, const struct ci_job *job, enum job_state state)
{
    if (state == JOB_FAILED)
        o->failed_now = true;
    if (blocks(job, state))
        add_gate(&o->gates_now, job);
}

void order_end_stage(struct order *o)
{
    o->failed |= o->failed_now;
    add_gates(&o->gates, &o->gates_now);
    o->gates_now = (struct order_gates){ NULL, 0 };
}

void order_add_need(struct order *o, const struct ci_job *needed, enum job_state state)
{
    o->failed |= state == JOB_FAILED;
    if (blocks(needed, state))
        add_gate(&o->gates, needed);
    o->missed |= state == JOB_SKIPPED || state == JOB_CANCELED || (state == JOB_MANUAL && !blocks(needed, state));
}

char *order_gates_name(const struct order_gates *g)
{
    auto_strbuf out = STRBUF_TEXT;

    strbuf_puts(&out, "the manual job '");
    text_visible(&out, g->first, NAME_SHOWN);
    strbuf_puts(&out, "'");
    if (g->n > 1)
        strbuf_printf(&out, " and %zu more", g->n - 1);
    return strbuf_take(&out);
}

char *order_reason(const struct order_job *x)
{
    if (!x->gates.first)
        return xstrdup(x->skipped);
    auto_free char *gates = order_gates_name(&x->gates);
    return xasprintf("waits for %s", gates);
}

bool job_state_is_end(enum job_state s)
{
    return s > JOB_RUNNING;
}

/* What the jobs that it needs have left behind. False: one of them has not ended. */
static bool add_needs(const struct order_jobs *jobs, const struct ci_job *job, struct order *out)
{
    for (size_t i = 0; i < job->n_needed; i++) {
        const struct ci_job *needed = job->needed[i].job;
        const struct order_job *x = jobs->of[needed - jobs->first];
        if (x && !job_state_is_end(x->state))
            return false;
        if (x)
            order_add_need(out, needed, x->state);
    }
    return true;
}

/* `before`: what earlier stages left behind; NULL while one of their jobs has not ended. */
static bool settle(const struct order_jobs *jobs, struct order_job *x, const struct order *before)
{
    struct order own = ORDER_INIT;

    if (x->job->by_needs ? !add_needs(jobs, x->job, &own) : !before)
        return false;
    const struct order *o = x->job->by_needs ? &own : before;
    x->state = order_decide(o, x->job, x->named, &x->skipped);
    x->gates = o->gates;
    return true;
}

bool order_settle(struct order_jobs *jobs, struct order *whole)
{
    bool changed = false, waiting = false, waiting_now = false;

    *whole = (struct order)ORDER_INIT;
    for (size_t i = 0; i < jobs->n; i++) {
        struct order_job *x = &jobs->items[i];
        if (i > 0 && x->job->stage != x[-1].job->stage) {
            order_end_stage(whole);
            waiting |= waiting_now;
        }
        if (x->state == JOB_CREATED)
            changed |= settle(jobs, x, waiting ? NULL : whole);
        waiting_now |= !job_state_is_end(x->state);
        if (job_state_is_end(x->state))
            order_add(whole, x->job, x->state);
    }
    order_end_stage(whole);
    return changed;
}
