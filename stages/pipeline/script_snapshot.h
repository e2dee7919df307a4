/* stages/pipeline/script_snapshot.h: `get_sources` of a job whose project folder is there already (snapshot.h). */
#ifndef STAGES_PIPELINE_SCRIPT_SNAPSHOT_H
#define STAGES_PIPELINE_SCRIPT_SNAPSHOT_H

#include "stages/pipeline/script.h"

/* Whether the job may have one: it wants its files fresh and all of them, as git would leave them. */
bool script_takes_snapshot(const struct variables *v);
/* What the log shows of it, line by line; the caller's. */
char *script_snapshot_log(const struct script_source *src);
/* No more than that: the references, and where the history ends, are there already. */
void script_snapshot(const struct script_source *src, struct strbuf *b);

#endif
