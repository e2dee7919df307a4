/* engine/logs.h: what several containers say, message by message, with the time at which each was said. */
#ifndef ENGINE_LOGS_H
#define ENGINE_LOGS_H

#include "engine/engine.h"
#include "engine/stream.h"

/* Gets one message: its time as the daemon writes it ("2026-11-22T01:02:03.000000004Z"), a blank, and a line with
 * its end, or a piece of a long line without one (Docker cuts at 16 KiB). */
typedef int logs_message_fn(void *ctx, enum stream_kind kind, const char *text, size_t len, struct err *e);

struct logs {
    const char *id;
    const char *since; /* "SECONDS.NANOSECONDS" since the epoch: what was said then or later; NULL: all */
    logs_message_fn *message;
    void *ctx;
};

/* GET /containers/ID/logs of n containers side by side; errs[i] tells of each, -1 if any failed. `follow`: until the
 * container ends or the watch ends it (whose tick is then called for each of them); without, what there is now. */
int logs_read_all(struct engine *d, const struct logs *of, size_t n, bool follow, const struct engine_watch *watch,
                  struct err *errs);

#endif
