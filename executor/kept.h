/* executor/kept.h: failed jobs whose containers stay for a while (keep_failed), for `atelier shell`.
 *
 * A container's labels cannot be changed any more when its job fails, so an empty
 * volume of the job bears the date: role `kept`, and atelier.expires. */
#ifndef EXECUTOR_KEPT_H
#define EXECUTOR_KEPT_H

#include "executor/garbage.h"
#include "executor/host.h"

#define KEPT_ROLE "kept"

/* What cleanup asks first. Removes kept jobs of any runner whose time is over, and
 * says whether this one's things are to stay: it is kept already, or it failed just
 * now. What goes wrong is logged, and keeps nothing. No call unless keep_failed is set. */
bool kept_settle(const struct host *h, const struct invocation *in, struct engine *d);

/* Tell the job log, in a sub-stage of the user's that failed: cleanup has no job log. */
void kept_announce(const struct host *h, const struct invocation *in, const char *substage);

/* Whether the job ended in a way that is kept. Pure. */
bool kept_is_failure(char *const *env);
/* "2026-11-22 15:04", of the host's time zone. */
char *kept_date(int64_t expires);
/* One line for people, of a thing that says until when a job is kept. */
void kept_describe(const struct thing *t, struct strbuf *out);

#endif
