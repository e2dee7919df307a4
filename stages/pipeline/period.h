/* stages/pipeline/period.h: lengths of time as GitLab's users write them. */
#ifndef STAGES_PIPELINE_PERIOD_H
#define STAGES_PIPELINE_PERIOD_H

#include <stdint.h>

/* "90", "3600 seconds", "1h 30m", "2 hours and 5 mins", "1.5 days", "one hour", "1:30": in seconds. -1 when it is none. */
int period_parse(const char *text, int64_t *seconds);

#endif
