/* executor/standby_record.h: which containers stand by, and for whom, written down in builds/.standby.
 *
 *     <key>             what they are: JSON, made when they run, gone when they are
 *     <slot>            a link to that: nobody has them yet, and the next job of the slot may take them
 *     <job's own key>   a link to that: this job has them; and since when, until when
 *     <slot>.problem    why there are none
 *
 * To take them is to rename the link, so that only one can. A record that no link leads to is of nobody's. Names are
 * those of stages/place.h; none of a slot's is a key. The folder is ours alone. */
#ifndef EXECUTOR_STANDBY_RECORD_H
#define EXECUTOR_STANDBY_RECORD_H

#include "executor/config.h"
#include "executor/garbage.h"
#include "stages/place.h"

#include <jansson.h>

/* Give the place the key of the standby that this job has; nothing where it has none. */
void standby_record_rename(const struct config *c, struct place *place);

/* Whether any wait for a job of the slot; the key is the caller's, NULL: none. */
char *standby_record_waiting(const struct config *c, const char *slot);
/* Take them for the job of that key. The key of theirs, the caller's; NULL: there are none, or somebody was faster. */
char *standby_record_take(const struct config *c, const char *slot, const char *job);
/* Take away from the slot what waits for its jobs now, for nobody. The key of theirs, the caller's, who is to remove
 * them, whatever waited before; NULL: there are none, or somebody was faster. */
char *standby_record_withdraw(const struct config *c, const char *slot);
/* What the job that has them is: when it began, and when it expires. */
int standby_record_date(const struct config *c, const char *job, const char *key, int64_t began, int64_t expires, struct err *e);
/* The job has them no longer. */
void standby_record_return(const struct config *c, const char *job);

/* NULL when it cannot be read. A new reference. */
json_t *standby_record_read(const struct config *c, const char *key);
/* They run, and wait for a job of the slot. ERR_CONFLICT: others do. */
int standby_record_offer(const struct config *c, const char *slot, const char *key, const json_t *record, struct err *e);
/* They are gone. */
void standby_record_remove(const struct config *c, const char *key);
/* Why the slot has none; NULL: that is over. */
void standby_record_problem(const struct config *c, const char *slot, const char *problem);

/* All of them, as judges of leftovers and people want to know. */
struct standby_records {
    struct strvec waiting;   /* keys of those that wait for a job, */
    struct strvec slots;     /* and for one of which slot, in the same order */
    struct strvec lost;      /* keys of those that nobody has or will have */
    struct strvec taken;     /* keys of those that jobs have; */
    struct strvec jobs;      /* and the jobs' own keys, in the same order */
    struct garbage_job *dates; /* the same */
    struct strvec problems;  /* "slot: why there are none" */
};

void standby_records_list(const struct config *c, struct standby_records *out);
void standby_records_release(struct standby_records *r);

#define auto_standby_records __attribute__((cleanup(standby_records_release))) struct standby_records

#endif
