#include "stages/deploy/rollout.h"

#include "base/clock.h"
#include "base/number.h"
#include "engine/container.h"
#include "engine/network.h"
#include "stages/deploy/health.h"
#include "stages/deploy/labels.h"
#include "stages/deploy/pause.h"
#include "stages/deploy/rolling.h"

#include <string.h>

#define FIRST_PAUSE_MS 20
#define LAST_PAUSE_MS  100

static bool makes_something(const struct plan_step *s)
{
    return s->action == STEP_CREATE || s->action == STEP_REPLACE || s->action == STEP_RUN;
}

/* The first thing that went wrong, of n calls side by side. All are empty afterwards. */
static int first_error(struct err *errs, size_t n, struct err *e)
{
    int rc = 0;

    for (size_t i = 0; i < n; i++) {
        if (rc == 0 && errs[i].kind != ERR_NONE)
            rc = err_move(e, &errs[i]);
        err_release(&errs[i]);
    }
    return rc;
}

typedef int each_fn(struct engine *d, const char *const *ids, struct err *errs, size_t n);

static int call_each(struct engine *d, each_fn *call, const struct strvec *ids, struct err *e)
{
    auto_free struct err *errs = xcalloc(ids->n + 1, sizeof(*errs));

    if (ids->n == 0)
        return 0;
    (void)call(d, (const char *const *)ids->items, errs, ids->n);
    return first_error(errs, ids->n, e);
}

static int stop_each(const struct deploy_context *c, const struct strvec *ids, struct err *e)
{
    auto_free struct err *errs = xcalloc(ids->n + 1, sizeof(*errs));

    if (ids->n == 0)
        return 0;
    (void)container_stop_all(c->engine, (const char *const *)ids->items, c->target->stop_grace_ms, errs, ids->n);
    return first_error(errs, ids->n, e);
}

/* ---- Before ---- */

int rollout_heal(const struct deploy_context *c, const struct voice *v, const struct leftovers *left, struct err *e)
{
    if (left->remove.n + left->start.n == 0)
        return 0;
    voice_warning(v, "A deploy before this one ended before it was done: %zu containers of it are removed, %zu of the "
                  "release that serves are started again", left->remove.n, left->start.n);
    if (call_each(c->engine, container_start_all, &left->start, e) < 0)
        return err_wrap(e, "start again what serves");
    /* Those that run may serve already: the proxy shall see them go. */
    if (stop_each(c, &left->remove, e) < 0 || call_each(c->engine, container_remove_all, &left->remove, e) < 0)
        return err_wrap(e, "remove what an earlier deploy left");
    return 0;
}

static int make_network(const struct deploy_context *c, struct err *e)
{
    auto_free char *name = xasprintf("atelier-%s", c->who->unit);
    auto_json *labels = json_pack("{s:s, s:s}", LABEL_UNIT, c->who->unit, LABEL_DUTY, DUTY_NETWORK);
    auto_json *there = NULL;
    auto_free char *id = NULL;
    auto_err missing = ERR_INIT;

    if (network_inspect(c->engine, name, &there, &missing) < 0)
        return missing.kind == ERR_NOT_FOUND ? network_create(c->engine, name, labels, &id, e) : err_move(e, &missing);
    if (strcmp(json_text(json_object_get(there, "Labels"), LABEL_UNIT), c->who->unit) != 0)
        return err_set(e, ERR_CONFIG, 0, "the target has a network %s that is not ours; remove it: docker network rm %s", name,
                       name);
    return 0;
}

static int check_proxy(const struct rollout *r, struct err *e)
{
    const struct target *t = r->context->target;
    auto_json *there = NULL;
    bool routed = false;

    for (size_t i = 0; i < r->plan->n; i++)
        routed = routed || (makes_something(&r->plan->steps[i]) && r->plan->steps[i].body.routed);
    if (!routed || !*t->network || network_inspect(r->context->engine, t->network, &there, e) == 0)
        return 0;
    if (e->kind != ERR_NOT_FOUND)
        return -1;
    return err_set(e, ERR_CONFIG, 0, "target '%s' has no network '%s', where its proxy is to find what is routed; its owner "
                   "makes it: docker network create %s", t->name, t->network, t->network);
}

/* ---- Each step ---- */

static const char *beginning(const struct plan_step *s)
{
    if (s->kind == SERVICE_ONCE)
        return "running once";
    if (s->action == STEP_CREATE)
        return s->kind == SERVICE_CRON ? "registering" : "starting";
    return s->body.routed && s->old_routed ? "starting beside the old one" : "replacing";
}

/* One that the proxy routes keeps serving; two of any other might both do the same work, or write the same data. */
static bool makes_room(const struct plan_step *s)
{
    return s->old && s->kind != SERVICE_ONCE && !(s->body.routed && s->old_routed);
}

static int create_ready(const struct rollout *r, struct strvec *ids, struct strvec *olds, struct err *e)
{
    for (size_t i = 0; i < r->plan->n; i++) {
        struct rolling *one = &r->of[i];
        if (one->progress != PROGRESS_WAITING || one->id || !rolling_may_begin(r, i))
            continue;
        voice_info(r->voice, "%s: %s (%s)", one->step->service->name, beginning(one->step), one->step->why);
        if (rolling_create(r, one, e) < 0)
            return -1;
        strvec_push(ids, one->id);
        if (makes_room(one->step)) {
            one->old_stopped = true;
            strvec_push(olds, one->step->old);
        }
    }
    return 0;
}

/* All that may begin, side by side. */
static int begin_ready(const struct rollout *r, bool *any, struct err *e)
{
    auto_strvec ids = STRVEC_INIT, olds = STRVEC_INIT;

    if (create_ready(r, &ids, &olds, e) < 0 || stop_each(r->context, &olds, e) < 0 ||
        call_each(r->context->engine, container_start_all, &ids, e) < 0)
        return -1;
    *any = ids.n > 0;
    for (size_t i = 0; i < r->plan->n; i++)
        if (r->of[i].id && r->of[i].progress == PROGRESS_WAITING) {
            r->of[i].progress = PROGRESS_BEGUN;
            r->of[i].began_ms = clock_ms();
        }
    return 0;
}

static int look_at_all(const struct rollout *r, bool *any, size_t *left, struct err *e)
{
    *left = 0;
    for (size_t i = 0; i < r->plan->n; i++) {
        struct rolling *one = &r->of[i];
        if (one->progress == PROGRESS_BEGUN && rolling_look(r, one, e) < 0)
            return -1;
        *any = *any || (one->id && one->progress == PROGRESS_DONE);
        *left += one->progress != PROGRESS_DONE;
    }
    return 0;
}

/* Nothing that was begun earlier may have died, or become ill, while the others began. */
static int look_again(const struct rollout *r, struct err *e)
{
    for (size_t i = 0; i < r->plan->n; i++) {
        auto_json *container = NULL;
        auto_health seen = { 0 };
        if (!r->of[i].id || r->of[i].step->kind == SERVICE_ONCE)
            continue;
        if (container_inspect(r->context->engine, r->of[i].id, &container, e) < 0)
            return -1;
        health_judge(container, r->of[i].step->body.checked, HEALTH_STEADY_MS, &seen);
        if ((seen.health == HEALTH_ENDED || seen.health == HEALTH_FAILED) && rolling_look(r, &r->of[i], e) < 0)
            return -1;
    }
    return 0;
}

static int carry_out(const struct rollout *r, struct err *e)
{
    size_t left = 1;

    for (int pause = FIRST_PAUSE_MS; left > 0; pause = pause * 2 < LAST_PAUSE_MS ? pause * 2 : LAST_PAUSE_MS) {
        bool begun = false, any = false;
        if (begin_ready(r, &begun, e) < 0 || look_at_all(r, &any, &left, e) < 0)
            return -1;
        if (begun)
            pause = FIRST_PAUSE_MS;
        if (left > 0 && pause_ms(r->context->watch, pause, e) < 0)
            return -1;
    }
    return look_again(r, e);
}

int rollout_run(struct rollout *r, struct err *e)
{
    r->of = xcalloc(r->plan->n + 1, sizeof(*r->of));
    for (size_t i = 0; i < r->plan->n; i++) {
        const struct plan_step *s = &r->plan->steps[i];
        r->of[i] = (struct rolling){ s, makes_something(s) ? PROGRESS_WAITING : PROGRESS_DONE, NULL, clock_ms(), false };
        if (!makes_something(s))
            voice_info(r->voice, "%s: %s (%s)", s->service->name, plan_step_word(s), s->why);
    }
    if (make_network(r->context, e) == 0 && check_proxy(r, e) == 0 && carry_out(r, e) == 0)
        return 0;
    rollout_undo(r);
    return -1;
}

/* ---- After ---- */

void rollout_undo(struct rollout *r)
{
    auto_strvec made = STRVEC_INIT, stopped = STRVEC_INIT;
    auto_err problem = ERR_INIT;

    for (size_t i = 0; r->of && i < r->plan->n; i++) {
        if (r->of[i].id)
            strvec_push(&made, r->of[i].id);
        if (r->of[i].old_stopped)
            strvec_push(&stopped, r->of[i].step->old);
    }
    if (made.n + stopped.n == 0)
        return;
    if (call_each(r->context->engine, container_remove_all, &made, &problem) == 0 &&
        call_each(r->context->engine, container_start_all, &stopped, &problem) == 0) {
        voice_info(r->voice, "All is as it was before: what was begun is removed%s",
                   stopped.n ? ", what was stopped runs again" : "");
        return;
    }
    voice_warning(r->voice, "What was begun could not be undone (%s); the next deploy does that", err_text(&problem));
}

void rollout_finish(struct rollout *r)
{
    const struct deploy_context *c = r->context;
    auto_strvec old = STRVEC_INIT;
    auto_err problem = ERR_INIT;
    bool drains = false;
    char took[32];

    for (size_t i = 0; i < r->plan->n; i++)
        if (r->of[i].id && r->plan->steps[i].old) {
            strvec_push(&old, r->plan->steps[i].old);
            drains = drains || (r->plan->steps[i].old_routed && !r->of[i].old_stopped);
        }
    strvec_push_all(&old, &r->plan->gone);
    if (old.n == 0)
        return;
    if (drains && c->target->drain_ms > 0) {
        voice_info(r->voice, "The old ones get no new requests and have %s for those that they have",
                   duration_format(c->target->drain_ms, took, sizeof(took)));
        (void)pause_ms(NULL, c->target->drain_ms, NULL);
    }
    if (stop_each(c, &old, &problem) < 0 || call_each(c->engine, container_remove_all, &old, &problem) < 0)
        voice_warning(r->voice, "An old container is still there (%s); the next deploy removes it", err_text(&problem));
}

static json_t *record_of(const struct plan_step *s, const char *container)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:b, s:b}", "image", s->service->image, "digest",
                     s->body.image ? s->body.image : "", "hash", s->body.hash ? s->body.hash : "", "container", container,
                     "routed", s->body.routed, "once", s->kind == SERVICE_ONCE);
}

json_t *rollout_services(const struct rollout *r, const struct release *live)
{
    json_t *all = json_object();

    for (size_t i = 0; i < r->plan->n; i++) {
        const struct plan_step *s = &r->plan->steps[i];
        const char *id = r->of && r->of[i].id ? r->of[i].id : s->old ? s->old : "";
        json_t *last = live ? json_object_get(live->services, s->service->name) : NULL;
        /* What did not run now is what it was when it last ran. */
        json_t *one = s->action == STEP_SKIP && last ? json_incref(last) : record_of(s, id);
        (void)json_object_set_new(all, s->service->name, one);
    }
    return all;
}

void rollout_release(struct rollout *r)
{
    for (size_t i = 0; r->of && i < r->plan->n; i++)
        free(r->of[i].id);
    free(r->of);
    r->of = NULL;
}
