/* stages/pipeline/re2.h: RE2's regular expressions, as GitLab has them in its YAML, by means of POSIX's.
 *
 * What POSIX has no word for (look-ahead, \p{…}) is refused, and what would be too large with all its repetitions
 * written out, as the C library does. There are no back references, so that a match takes no more than polynomial
 * time, and it looks at the first 8 KiB of a text. */
#ifndef STAGES_PIPELINE_RE2_H
#define STAGES_PIPELINE_RE2_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

enum re2_flag {
    RE2_IGNORE_CASE = 1, /* i */
    RE2_LINES = 2,       /* m: ^ and $ are those of a line */
    RE2_DOT_ALL = 4,     /* s: a dot is also a line's end */
};

#define RE2_LETTERS "ismU"

struct re2;

/* The flags of some letters; others make no difference for whether it matches. */
unsigned re2_flags(const char *letters, size_t n);
/* ERR_JOB when it cannot be understood; err.code is ENOTSUP where RE2 would, and 0 where nobody does. */
int re2_check(const char *expression, unsigned flags, struct err *e);
/* Whether it is found in the text; never, when it cannot be understood. */
bool re2_matches(const char *expression, unsigned flags, const char *text);
/* One to be used many times. NULL with the error set; the caller's. */
struct re2 *re2_new(const char *expression, unsigned flags, struct err *e);
/* What is found last in one line, by its last group if it has one; NULL: nothing. The caller's. As POSIX has it, as much
 * as possible, whatever `*?` asks for. */
char *re2_find(const struct re2 *re, const char *line);
void re2_free(struct re2 *re);

/* "/expression/flags": what is between the first slash and the last, the caller's; NULL when the text is no such thing. */
char *re2_unwrap(const char *text, unsigned *flags);
/* The slash that ends what begins with one; NULL when there is none. */
const char *re2_end(const char *text);

#endif
