/* stages/pipeline/record.h: what happens in a pipeline, written down while it happens, for the page that --timeline makes
 * of it in the end.
 *
 * It is a folder. Each try of a job has two files of its own, so that several processes may write at once: what it
 * showed, without secrets, and lines of JSON about where it stood when. A page that lacks something is better than a
 * job that fails for it: so what cannot be written is left out. */
#ifndef STAGES_PIPELINE_RECORD_H
#define STAGES_PIPELINE_RECORD_H

#include "base/err.h"
#include "stages/pipeline/ci_file.h"

#include <stdint.h>

#define RECORD_EVENTS ".events"
#define RECORD_LOG    ".log"

/* Where jobs are written down. */
struct record {
    char *dir;    /* NULL: nothing is written down */
    char *prefix; /* before the jobs' names: "" or "child/" */
    char *place;  /* before their places, by which they are sorted: "" or "00003." */
    bool shared;  /* the folder is another one's */
};

int record_open(const char *temporary, struct record *out, struct err *e);
/* For a child pipeline, in the folder of its parent's. */
void record_share(const struct record *from, struct record *out);
/* Its folder goes too, unless it is shared. */
void record_release(struct record *r);

enum record_phase { PHASE_PREPARING, PHASE_FILES, PHASE_RUNNING, PHASE_CLEANUP };

/* One try of one job. */
struct job_record {
    int events, log; /* -1: nothing is written down */
};

#define JOB_RECORD_INIT { -1, -1 }

/* `r` may be NULL. The place that the job has, with those of others after it; the caller's. */
char *record_place(const struct record *r, const struct ci_file *f, const struct ci_job *job);
void job_record_open(const struct record *r, const struct ci_file *f, const struct ci_job *job, int64_t id,
                     struct job_record *out);
/* From now on it does that. */
void job_record_phase(struct job_record *r, enum record_phase phase, const char *title);
/* A piece of its output, masked already. */
void job_record_log(struct job_record *r, const char *data, size_t len);
/* A line of the runner's own. */
void job_record_line(struct job_record *r, const char *style, const char *text);
/* It is over; `reason` NULL: nothing is to be said. Closes the record. */
void job_record_end(struct job_record *r, const char *state, const char *reason);
/* A job that did not run. */
void record_idle(const struct record *r, const struct ci_file *f, const struct ci_job *job, const char *state,
                 const char *reason);

const char *record_phase_name(enum record_phase phase);

#endif
