/* cache/helper/go_duration.h: durations as Go writes and reads them: "1h0m0s", "1.5s", "500ms", "0". */
#ifndef CACHE_HELPER_GO_DURATION_H
#define CACHE_HELPER_GO_DURATION_H

#include <stdint.h>

/* In milliseconds; what is less than one, and not nothing, is one. -1 for what is no duration: a number without a
 * unit is none. */
int go_duration_parse(const char *text, int64_t *out_ms);

#endif
