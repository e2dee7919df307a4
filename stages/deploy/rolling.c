#include "stages/deploy/rolling.h"

#include "base/clock.h"
#include "base/number.h"
#include "engine/container.h"
#include "engine/network.h"
#include "stages/deploy/cron_container.h"
#include "stages/deploy/data_folder.h"
#include "stages/deploy/health.h"

#include <string.h>

#define LAST_LINES 20
#define LAST_BYTES ((size_t)16 << 10)

/* ---- The order ---- */

static size_t find(const struct rollout *r, const char *service)
{
    size_t i = 0;

    while (i < r->plan->n && strcmp(r->plan->steps[i].service->name, service) != 0)
        i++;
    return i;
}

/* Mark all that step `from` depends on, at whatever distance: each once, since there may be very many ways to one. */
static void mark(const struct rollout *r, size_t from, bool *reached)
{
    const struct compose_service *s = r->plan->steps[from].service;

    for (size_t i = 0; i < s->n_depends; i++) {
        size_t next = find(r, s->depends[i].service);
        if (next == r->plan->n || reached[next])
            continue;
        reached[next] = true;
        mark(r, next, reached);
    }
}

static bool reaches(const struct rollout *r, size_t from, size_t to)
{
    auto_free bool *reached = xcalloc(r->plan->n + 1, sizeof(*reached));

    mark(r, from, reached);
    return reached[to];
}

bool rolling_may_begin(const struct rollout *r, size_t i)
{
    const struct plan_step *step = &r->plan->steps[i];
    const struct compose_service *s = step->service;

    for (size_t d = 0; d < s->n_depends; d++) {
        size_t other = find(r, s->depends[d].service);
        if (other == r->plan->n)
            continue;
        bool started = s->depends[d].condition == DEPENDS_STARTED && r->plan->steps[other].kind != SERVICE_ONCE;
        if (r->of[other].progress < (started ? PROGRESS_BEGUN : PROGRESS_DONE))
            return false;
    }
    for (size_t other = 0; other < r->plan->n; other++)
        if (step->kind != SERVICE_ONCE && r->plan->steps[other].kind == SERVICE_ONCE &&
            r->of[other].progress != PROGRESS_DONE && !reaches(r, other, i))
            return false;
    return true;
}

/* ---- Its container ---- */

int rolling_create(const struct rollout *r, struct rolling *one, struct err *e)
{
    const struct deploy_context *c = r->context;
    const struct plan_step *s = one->step;
    const struct data_folders folders = { c->engine, c->target, c->who, s->body.image };

    if (s->kind != SERVICE_MANAGED && data_folders_make(&folders, s->service, e) < 0)
        return -1;
    if (s->kind == SERVICE_CRON && cron_container_prepare(c, s->body.image, e) < 0)
        return -1;
    if (container_create(c->engine, s->name, NULL, s->body.json, &one->id, e) < 0)
        return err_wrap(e, "service '%s'", s->service->name);
    if (s->body.routed && *c->target->network && network_connect(c->engine, c->target->network, one->id, NULL, e) < 0)
        return err_wrap(e, "service '%s'", s->service->name);
    return 0;
}

/* ---- Its end ---- */

static void last_words(const struct rollout *r, const struct rolling *one, const json_t *container)
{
    const char *name = one->step->service->name;
    auto_free char *text = NULL;

    if (container_logs(r->context->engine, one->id, LAST_LINES, LAST_BYTES, &text, NULL) == 0 && *text) {
        voice_info(r->voice, "The last lines of %s:", name);
        voice_text(r->voice, name, text);
    } else {
        voice_info(r->voice, "%s said nothing.", name);
    }
    if (*health_output(container)) {
        voice_info(r->voice, "Its HEALTHCHECK said:");
        voice_text(r->voice, name, health_output(container));
    }
}

static int give_up(const struct rollout *r, const struct rolling *one, const json_t *container, const char *problem,
                   struct err *e)
{
    last_words(r, one, container);
    return err_set(e, ERR_JOB, 0, "service '%s' %s", one->step->service->name, problem);
}

static void done(const struct rollout *r, struct rolling *one)
{
    static const char *const words[] = {
        [SERVICE_PLAIN] = "serves",        [SERVICE_ONCE] = "is done",  [SERVICE_CRON] = "waits for its time",
        [SERVICE_MANAGED] = "serves",      [SERVICE_EXTERNAL] = "serves",
    };
    char took[32];

    one->progress = PROGRESS_DONE;
    voice_info(r->voice, "%s: %s after %s%s", one->step->service->name, words[one->step->kind],
               duration_format(clock_ms() - one->began_ms, took, sizeof(took)),
               one->step->body.checked && one->step->kind != SERVICE_ONCE ? ", healthy" : "");
}

/* How it stands. A daemon that does not answer what it remembers leaves what is known. */
static int look(const struct rollout *r, const struct rolling *one, int64_t up, json_t **container, struct health_seen *seen,
                struct err *e)
{
    struct event_death death;

    if (container_inspect(r->context->engine, one->id, container, e) < 0)
        return -1;
    health_judge(*container, one->step->body.checked && one->step->kind != SERVICE_ONCE, up, seen);
    if (seen->again && event_died(r->context->engine, one->id, &death, NULL) == 0)
        health_recall(*container, &death, seen);
    return 0;
}

int rolling_look(const struct rollout *r, struct rolling *one, struct err *e)
{
    int64_t up = clock_ms() - one->began_ms, wait = r->context->target->health_wait_ms;
    bool once = one->step->kind == SERVICE_ONCE;
    auto_json *container = NULL;
    auto_health seen = { 0 };
    auto_free char *problem = NULL;
    char time[32];

    if (look(r, one, up, &container, &seen, e) < 0)
        return -1;
    bool well = once ? seen.health == HEALTH_ENDED && seen.code == 0 : seen.health == HEALTH_READY;
    if (well) {
        done(r, one);
        return 0;
    }
    if (seen.health == HEALTH_ENDED)
        return give_up(r, one, container, seen.problem, e);
    if (seen.health == HEALTH_FAILED) {
        problem = xasprintf("is not well: %s", seen.problem);
        return give_up(r, one, container, problem, e);
    }
    /* A migration takes as long as its data are large: the job's timeout ends it. */
    if (once || up < wait)
        return 0;
    problem = xasprintf("was not ready within %s: %s", duration_format(wait, time, sizeof(time)), seen.problem);
    return give_up(r, one, container, problem, e);
}
