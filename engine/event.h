/* engine/event.h: what happens on the daemon. */
#ifndef ENGINE_EVENT_H
#define ENGINE_EVENT_H

#include "engine/engine.h"

/* Gets one event (GET /events), borrowed. Return 1 to stop listening, 0 to go on, negative with an error. */
typedef int event_fn(void *ctx, const json_t *event, struct err *e);

/* Listen to events of objects that bear every one of the labels, from `since` (seconds since the epoch,
 * 0: now) on. Returns 0 when `on_event` said stop. */
int event_listen(struct engine *d, const struct strvec *labels, int64_t since, event_fn *on_event, void *ctx,
                 const struct engine_watch *watch, struct err *e);

/* Whether container `id` had an event of that name between the two moments, milliseconds since the epoch by
 * the daemon's clock; `until` may lie a little ahead: the daemon answers when it has come, or the event has. */
int event_happened(struct engine *d, const char *id, const char *name, int64_t since, int64_t until,
                   bool *happened, struct err *e);

/* How a container ended that has been started again since: inspect no longer tells. */
struct event_death {
    bool known; /* no: the daemon forgot, or does not tell codes */
    int code;
    bool oom;
};

/* The first end of container `id` that the daemon still remembers. Takes some seconds where it remembers none. */
int event_died(struct engine *d, const char *id, struct event_death *death, struct err *e);

/* Whether process `exec` of container `id` ended with that code, by the events that the daemon still remembers. Takes some
 * seconds where it did not. */
int event_exec_died(struct engine *d, const char *id, const char *exec, int code, bool *died, struct err *e);

#endif
