/* stages/pipeline/coverage.h: `coverage`: a number that a job prints. */
#ifndef STAGES_PIPELINE_COVERAGE_H
#define STAGES_PIPELINE_COVERAGE_H

#include "base/strbuf.h"
#include "stages/pipeline/re2.h"

struct coverage {
    struct re2 *pattern; /* NULL: none is looked for */
    struct strbuf line;  /* the one that has not ended yet */
    char value[16];      /* the last that was found; "": none */
};

/* `pattern`: "/expression/flags", or NULL. */
void coverage_open(struct coverage *c, const char *pattern);
/* What the job prints, piece by piece. */
void coverage_feed(struct coverage *c, const char *data, size_t len);
void coverage_release(struct coverage *c);

#endif
