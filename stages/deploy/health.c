#include "stages/deploy/health.h"

#include "base/text.h"

#include <string.h>

static char *for_want_of_memory(const json_t *container)
{
    return xasprintf("was killed for want of memory (limit %lld bytes)",
                     (long long)json_number(json_object_get(container, "HostConfig"), "Memory", 0));
}

static void judge_end(const json_t *container, const json_t *state, struct health_seen *out)
{
    const char *reason = json_text(state, "Error");

    out->health = HEALTH_ENDED;
    out->code = (int)json_number(state, "ExitCode", -1);
    if (json_flag(state, "OOMKilled", false)) {
        out->problem = for_want_of_memory(container);
    } else if (*reason) {
        auto_free char *shown = text_quote(reason);
        out->problem = xasprintf("could not run: %s", shown);
    } else {
        out->problem = xasprintf("ended with exit code %d", out->code);
    }
}

void health_recall(const json_t *container, const struct event_death *death, struct health_seen *seen)
{
    if (!death->known)
        return;
    free(seen->problem);
    seen->code = death->code;
    seen->problem = death->oom ? for_want_of_memory(container) : xasprintf("ended with exit code %d", death->code);
}

void health_judge(const json_t *container, bool checked, int64_t up_ms, struct health_seen *out)
{
    const json_t *state = json_object_get(container, "State");
    auto_free char *status = text_quote(json_text(json_object_get(state, "Health"), "Status"));

    *out = (struct health_seen){ .health = HEALTH_STARTING };
    if (!json_flag(state, "Running", false) || json_flag(state, "Restarting", false)) {
        judge_end(container, state, out);
        return;
    }
    /* One that its restart policy started again has ended; it will again. Its state is the new start's: its code is 0. */
    if (json_number(container, "RestartCount", 0) > 0) {
        *out = (struct health_seen){ HEALTH_ENDED, -1, true, xstrdup("ended, and its restart policy started it again") };
        return;
    }
    if (!checked) {
        out->health = up_ms >= HEALTH_STEADY_MS ? HEALTH_READY : HEALTH_STARTING;
        out->problem = xstrdup("it only just began");
        return;
    }
    if (strcmp(status, "healthy") == 0)
        out->health = HEALTH_READY;
    else if (strcmp(status, "unhealthy") == 0)
        out->health = HEALTH_FAILED;
    out->problem = xasprintf("its HEALTHCHECK says '%s'", status);
}

const char *health_output(const json_t *container)
{
    const json_t *log = json_at(container, "State", "Health", "Log");
    size_t n = json_array_size(log);

    return n ? json_text(json_array_get(log, n - 1), "Output") : "";
}

void health_release(struct health_seen *s)
{
    free(s->problem);
    *s = (struct health_seen){ .health = HEALTH_STARTING };
}
