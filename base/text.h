/* base/text.h: what is done to words and lines before people see them. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include "base/strbuf.h"

#include <stdbool.h>

bool text_starts(const char *s, const char *prefix);
bool text_ends(const char *s, const char *suffix);

bool text_is_any(const char *s, const char *const *words); /* NULL-terminated */

bool text_is_utf8(const char *s);
/* The text with U+FFFD, as Go writes it, for each byte that belongs to no UTF-8 character; the caller's. */
char *text_as_utf8(const char *s);

/* Append `s` with control characters made visible (\x1b, \n), for text from
 * outside that goes into one line of a log or an error. At most `max` bytes of
 * `s` are used; what was cut is shown as "...". */
void text_visible(struct strbuf *out, const char *s, size_t max);
/* The same as an owned string, with a sensible limit (400 bytes). */
char *text_quote(const char *s);

/* The brace that closes the one at `open`, over those between them; NULL when there is none. */
const char *text_closing_brace(const char *open);

/* The word of `words` (NULL-terminated) nearest to `word`, or NULL when none is
 * near enough to be what somebody meant. */
const char *text_nearest(const char *word, const char *const *words);

/* Whether the whole of `text` fits the shell pattern (fnmatch; `**` as `*`). */
bool text_matches(const char *pattern, const char *text);

#endif
