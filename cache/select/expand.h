/* cache/select/expand.h: variables in the helper's arguments, as a shell expands them inside double
 * quotes (contract 3.2).
 *
 * $VAR, ${VAR}, ${#VAR}, ${VAR:-word} and - + :+ ? :?, ${VAR:offset:length}, ${VAR#pattern} and ## % %%,
 * ${VAR/pattern/word} and // /# /%, ${VAR^^} and ,,, $((1 + 2)). What is not set is empty, and so is what a
 * shell would know of itself ($1, $?). No splitting into words, no patterns of files, no "~". Nothing is ever run. */
#ifndef CACHE_SELECT_EXPAND_H
#define CACHE_SELECT_EXPAND_H

#include "cache/report.h"

#include "base/err.h"
#include "base/strvec.h"

enum { EXPAND_MAX = 16384 }; /* bytes of a result */

/* `env` as programs get it. *out is the caller's. ERR_JOB: a command substitution, what is not listed
 * above, or a result that is too long. */
int expand_text(const char *text, char *const *env, char **out, struct err *e);

/* Each of them in place. One that cannot be expanded stays as it is, with a warning. */
void expand_paths(struct strvec *paths, char *const *env, const struct report *report);

#endif
