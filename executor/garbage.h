/* executor/garbage.h: what of ours nobody can need any more.
 *
 * The things of one job share one fate: they are garbage when the last of them is.
 * So a job that runs keeps all that is its own, and what was made without a date
 * goes with what has one. What bears no date, and is of no job that does, stays. By
 * age, too, stays what is of no job and bears no date: volumes for builds and caches. Networks that are so wait for jobs
 * (executor/idle_network.h), and are not judged here.
 * A job whose cleanup began and did not end (executor/cleaning.h) is garbage whatever its dates.
 * A failed job that is kept (executor/kept.h) stays until the date of that, however
 * long its other things could stay. */
#ifndef EXECUTOR_GARBAGE_H
#define EXECUTOR_GARBAGE_H

#include "executor/remove.h"

#include <stdbool.h>
#include <stdint.h>

/* A job whose containers were made before it was known (executor/standby.h): its own dates count, not theirs. */
struct garbage_job {
    const char *job;        /* the label of its things; borrowed */
    int64_t began, expires; /* seconds since the epoch; -1: not known, then theirs count after all */
};

struct garbage_rule {
    int64_t now;        /* seconds since the epoch */
    int64_t older_than; /* seconds since it was made; negative: by the label atelier.expires */
    const struct strvec *abandoned; /* keys of jobs that are over, whose removal did not come to its end; NULL: none */
    const struct garbage_job *late;
    size_t n_late;
};

#define GARBAGE_BY_LABEL (-1)

struct thing {
    enum thing_kind kind;
    const char *id, *name, *job, *project; /* borrowed from the listing; "" when not known */
    int64_t created, expires;              /* seconds since the epoch; -1 when not known */
    bool kept;                             /* what says until when a failed job is kept */
    bool garbage;
};

struct garbage {
    json_t *lists[THING_KINDS];
    struct thing *things; /* in the order in which they can go, also those that stay */
    size_t n;
    size_t n_garbage;
};

/* Judge what the daemon listed. Pure; takes over the references in `lists`. */
void garbage_judge(json_t *lists[THING_KINDS], const struct garbage_rule *rule, struct garbage *out);
/* Ask the daemon for what bears the labels (LABEL_MANAGED is added), and judge it. */
int garbage_find(struct engine *d, const struct strvec *labels, const struct garbage_rule *rule,
                 struct garbage *out, struct err *e);
void garbage_release(struct garbage *g);

#define auto_garbage __attribute__((cleanup(garbage_release))) struct garbage

#endif
