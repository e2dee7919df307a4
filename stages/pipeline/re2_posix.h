/* stages/pipeline/re2_posix.h: from RE2's regular expressions to POSIX's. Only whether one matches counts, never what: so
 * greed makes no difference. Pure. */
#ifndef STAGES_PIPELINE_RE2_POSIX_H
#define STAGES_PIPELINE_RE2_POSIX_H

#include "base/err.h"

#include <stddef.h>

/* Flags that it begins with are added to *flags; *captures: the group that captures first, as POSIX counts them, 0: none. NULL
 * with the error set, as re2_check() has it; the caller's. */
char *re2_to_posix(const char *expression, unsigned *flags, size_t *captures, struct err *e);

#endif
