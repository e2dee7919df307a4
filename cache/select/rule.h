/* cache/select/rule.h: a path or an exclude as a job wrote it, in the project's terms. */
#ifndef CACHE_SELECT_RULE_H
#define CACHE_SELECT_RULE_H

#include "base/err.h"

/* `rule` made relative to the absolute `root` and cleaned: no ".", "..", "//", no '/' at its end;
 * "." for the root itself. By its letters alone, no file is looked at. The caller's.
 * ERR_JOB when it leads out of the root, in gitlab-runner's words. */
int rule_clean(const char *root, const char *rule, char **out, struct err *e);

#endif
