/* executor/job_list.h: the jobs whose containers are on this host, as Docker's labels tell. */
#ifndef EXECUTOR_JOB_LIST_H
#define EXECUTOR_JOB_LIST_H

#include "engine/engine.h"
#include "executor/standby_record.h"

#include <stdint.h>

struct listed_job {
    const char *key, *project; /* borrowed from the listings */
    const char *name;          /* the job's own key, by which people know it; borrowed */
    bool waits;                /* it is none yet: its containers stand by */
    const json_t *build;       /* its build container's entry; NULL: not made yet, or gone */
    int64_t kept_until;        /* seconds since the epoch; -1: it is not kept */
};

struct job_list {
    json_t *containers, *volumes;
    struct listed_job *jobs; /* in the daemon's order: the youngest first */
    size_t n;
};

/* Which container of a job. */
struct wanted {
    bool helper;
    const char *service; /* its first name on the job's network; NULL: the build container, or the helper */
};

/* Put the listings of all our containers and of the `kept` volumes together. Pure; takes over both references. */
void job_list_make(json_t *containers, json_t *volumes, struct job_list *out);
/* Ask the daemon for them. */
int job_list_read(struct engine *d, struct job_list *out, struct err *e);
/* Give those that have a standby's containers, which bear another key, their own names; borrows these. */
void job_list_rename(struct job_list *list, const struct standby_records *records);
void job_list_release(struct job_list *list);

/* The job of that key or id; borrowed. ERR_USAGE: there is none, or several. */
const struct listed_job *job_list_find(const struct job_list *list, const char *word, struct err *e);
/* One of its containers, an entry of the listing; borrowed. ERR_USAGE: it is not there. */
const json_t *job_list_container(const struct job_list *list, const struct listed_job *job,
                                 const struct wanted *wanted, struct err *e);

#define auto_job_list __attribute__((cleanup(job_list_release))) struct job_list

#endif
