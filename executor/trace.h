/* executor/trace.h: where a job's time went, written down by its hooks for `atelier trace`.
 *
 * Each hook appends one line to builds/.trace/<job's key> when it ends: what it was, when it began and ended, and when
 * each of its steps did. That is one small write a hook; what cannot be written is not, and no job fails for it. */
#ifndef EXECUTOR_TRACE_H
#define EXECUTOR_TRACE_H

#include "base/err.h"
#include "base/strbuf.h"
#include "executor/config.h"

#include <jansson.h>

/* One hook that is under way. */
struct trace {
    int64_t began;     /* microseconds since the epoch */
    char *path;        /* NULL: nobody writes anything down */
    json_t *steps;     /* [[name, when it ended], …] */
};

/* The hook has begun. */
void trace_begin(struct trace *t);
/* Which job's it is; before that nobody can know. Nothing where the configuration has it off. */
void trace_of(struct trace *t, const struct config *c, const char *key);
/* A step of the hook has ended; the next one begins. `t` may be NULL: a command that is no hook. */
void trace_step(struct trace *t, const char *name);
/* The hook has ended: `what` is a run's sub-stage, or "". */
void trace_end(struct trace *t, const char *hook, const char *what, int code);

/* ---- For people ---- */

/* All that the hooks of a job wrote, in the order in which they began: a list of {hook, what, began, ended, code, steps}.
 * `word` is the job's key or its id; NULL: the job that wrote last. ERR_USAGE: there is none. */
int trace_read(const struct config *c, const char *word, char **key, json_t **hooks, struct err *e);
/* The waterfall. Pure. */
void trace_describe(const char *key, const json_t *hooks, struct strbuf *out);

/* Remove what is older than the configuration wants. */
void trace_prune(const struct config *c);

#endif
