/* cache/select/shell_pattern.h: what ${VAR%pattern} and its kin take off or replace. */
#ifndef CACHE_SELECT_SHELL_PATTERN_H
#define CACHE_SELECT_SHELL_PATTERN_H

#include "base/err.h"
#include "base/strbuf.h"

#include <stdbool.h>

/* Longer texts and patterns are an error (ERR_JOB) to all of these: the time grows with their square. */
enum { SHELL_TEXT_MAX = 4096, SHELL_PATTERN_MAX = 256 };

/* Append `text` without its shortest or longest part in front (behind) that fits. */
int shell_trim_front(const char *pattern, const char *text, bool longest, struct strbuf *out, struct err *e);
int shell_trim_back(const char *pattern, const char *text, bool longest, struct strbuf *out, struct err *e);

/* Append `text` with `by` for its first part that fits (`where` ' '), for each ('/'), for one in front ('#')
 * or behind ('%'); the longest there. An empty part is none. */
int shell_replace(const char *pattern, const char *text, const char *by, char where, struct strbuf *out,
                  struct err *e);

#endif
