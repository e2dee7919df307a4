#include "stages/deploy/health.h"

#include "base/text.h"

#include <string.h>

static void judge_end(const json_t *container, const json_t *state, struct health_seen *out)
{
    const char *reason = json_text(state, "Error");

    out->health = HEALTH_ENDED;
    out->code = (int)json_number(state, "ExitCode", -1);
    if (json_flag(state, "OOMKilled", false)) {
        auto_free char *limit = xasprintf("%lld", (long long)json_number(json_object_get(container, "HostConfig"), "Memory", 0));
        out->problem = xasprintf("was killed for want of memory (limit %s bytes)", limit);
    } else if (*reason) {
        auto_free char *shown = text_quote(reason);
        out->problem = xasprintf("could not run: %s", shown);
    } else {
        out->problem = xasprintf("ended with exit code %d", out->code);
    }
}

void health_judge(const json_t *container, bool checked, int64_t up_ms, struct health_seen *out)
{
    const json_t *state = json_object_get(container, "State");
    auto_free char *status = text_quote(json_text(json_object_get(state, "Health"), "Status"));

    *out = (struct health_seen){ HEALTH_STARTING, 0, NULL };
    /* One that its restart policy started again has ended; it will again. */
    if (!json_flag(state, "Running", false) || json_flag(state, "Restarting", false) ||
        json_number(container, "RestartCount", 0) > 0) {
        judge_end(container, state, out);
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
    *s = (struct health_seen){ HEALTH_STARTING, 0, NULL };
}
