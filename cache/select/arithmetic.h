/* cache/select/arithmetic.h: what $((...)) gives: whole numbers of 64 bits, as shells count. */
#ifndef CACHE_SELECT_ARITHMETIC_H
#define CACHE_SELECT_ARITHMETIC_H

#include "base/err.h"

#include <stdint.h>

/* Numbers (also 0x1f; 017 is 17, as with gitlab-runner), names of variables (0 unless they hold a
 * number), parentheses, and C's operators, ** among them; nothing that assigns. Overflow wraps.
 * ERR_JOB otherwise. */
int arithmetic_eval(const char *text, char *const *env, int64_t *out, struct err *e);

#endif
