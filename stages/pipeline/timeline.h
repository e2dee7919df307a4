/* stages/pipeline/timeline.h: what a pipeline's records say (stages/pipeline/record.h), and the page that is made of it. */
#ifndef STAGES_PIPELINE_TIMELINE_H
#define STAGES_PIPELINE_TIMELINE_H

#include "base/err.h"
#include "base/strvec.h"
#include "stages/pipeline/project.h"
#include "stages/pipeline/record.h"
#include "stages/pipeline/report.h"

#include <stdbool.h>
#include <stdint.h>

struct timeline_phase {
    enum record_phase phase;
    char *title;
    int64_t start, end; /* by clock_ms() */
};

/* One try of a job. */
struct timeline_try {
    char *place, *job, *stage;
    char *within;           /* the place of the job whose child pipeline it is in; "" */
    int64_t stage_number;
    bool by_needs;
    struct strvec needs;
    char *state, *reason;   /* "running" when it never ended */
    char *log;              /* the path of its file */
    int64_t ready;          /* when all that it waited for had ended */
    int64_t start, end;     /* no phases: it did not run */
    struct timeline_phase *phases;
    size_t n;
};

struct timeline {
    struct timeline_try *tries; /* by place, then by time */
    size_t n;
};

/* What the page says of the whole. Borrowed. */
struct timeline_facts {
    const struct project *project;
    const char *sha;
    int status;         /* the exit status */
    int64_t start, end; /* by clock_ms() */
};

int timeline_read(const char *dir, int64_t start, struct timeline *out, struct err *e);
void timeline_release(struct timeline *t);

/* One HTML page that needs nothing else. No byte of a log, a name or a reason means anything in it but itself. `read` gives
 * at most `max` bytes from the end of a log, the caller's, and how long it is. Pure, but for that. */
typedef char *timeline_read_fn(void *ctx, const char *path, size_t max, size_t *len, size_t *whole);
char *timeline_page(const struct timeline *t, const struct timeline_facts *facts, timeline_read_fn *read, void *ctx);

/* Read the records and write the page; a line says where it is, or why it is not. Returns the exit status: that of the
 * pipeline, which went as it went, or 1 when that was 0 and there is no page. */
int timeline_finish(struct report *r, const struct record *record, const struct timeline_facts *facts, const char *path);

#define auto_timeline __attribute__((cleanup(timeline_release))) struct timeline

#endif
