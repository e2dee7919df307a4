/* stages/deploy/health.h: whether a container that was started serves. Pure functions of what the daemon says. */
#ifndef STAGES_DEPLOY_HEALTH_H
#define STAGES_DEPLOY_HEALTH_H

#include "base/json.h"
#include "engine/event.h"

/* One without a HEALTHCHECK serves when it has stayed up for so long. */
#define HEALTH_STEADY_MS 500

enum health { HEALTH_STARTING, HEALTH_READY, HEALTH_ENDED, HEALTH_FAILED };

struct health_seen {
    enum health health;
    int code;      /* HEALTH_ENDED; -1: not known */
    bool again;    /* HEALTH_ENDED, and its restart policy started it since: ask event_died(), and health_recall() */
    char *problem; /* what keeps it from being ready: "ended with exit code 1", "its HEALTHCHECK says 'starting'" */
};

/* `container` is as inspect has it, `up_ms` how long ago it was started. */
void health_judge(const json_t *container, bool checked, int64_t up_ms, struct health_seen *out);
/* How one that runs `again` ended, as the daemon remembers it. */
void health_recall(const json_t *container, const struct event_death *death, struct health_seen *seen);
/* What the last run of its HEALTHCHECK printed; "" for nothing. Borrowed. */
const char *health_output(const json_t *container);
void health_release(struct health_seen *s);

#define auto_health __attribute__((cleanup(health_release))) struct health_seen

#endif
