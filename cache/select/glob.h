/* cache/select/glob.h: patterns of file names, as artifacts:paths and cache:paths have them (doublestar v4).
 *
 *     *  ?         any characters, one character; never '/'
 *     **           as a whole element: any number of elements, none too; elsewhere as *
 *     [a-z] [^a]   one of these characters, none of these ([!a] as well); never '/'
 *     {a,b/c}      either; nested, empty, and with '/' inside
 *     \x           x itself
 *
 * A "**" behind "dir/" matches dir too. A leading dot is nothing special. Names are matched by
 * characters (UTF-8); a byte that is part of none is a character of its own.
 *
 * A pattern becomes an automaton all of whose states are followed at once, so the time is
 * bounded by the pattern's length times the name's, whatever the pattern is. A tree is
 * matched by stepping from a folder's states to its entries': no states are left where
 * nothing below can match. */
#ifndef CACHE_SELECT_GLOB_H
#define CACHE_SELECT_GLOB_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct glob; /* opaque: a pattern, and room to follow its states */

/* ERR_JOB "syntax error in pattern", or one that is too long. */
int glob_compile(const char *pattern, struct glob **out, struct err *e);
void glob_free(struct glob *g); /* NULL is fine */

/* Whether the whole of a relative path fits. */
bool glob_match(struct glob *g, const char *path);

/* The states that part of a path leads to. */
struct glob_states {
    uint32_t *items;
    size_t n; /* 0: nothing that begins so matches */
};

enum glob_fit {
    GLOB_NO,
    GLOB_FOLDER, /* only if it is a folder: the pattern ends in '/', or in a "**" below it */
    GLOB_YES,
};

/* Where all begins. GLOB_FOLDER when the folder itself fits, as with "**". *out is the
 * caller's, glob_states_release() it. */
enum glob_fit glob_start(struct glob *g, struct glob_states *out);
/* From a folder's states to those of its entry `name`; *below (may be NULL) is then the
 * states with a '/' after it: what its own entries step from. */
enum glob_fit glob_step(struct glob *g, const struct glob_states *from, const char *name,
                        struct glob_states *below);
void glob_states_release(struct glob_states *s);

/* Where the first element with *, ?, [ or { begins, or the end of the text when there is none. */
const char *glob_first_meta(const char *pattern);
/* Take the backslashes out of a text without such elements; the caller's. */
char *glob_unescape(const char *text, size_t len);

static inline void glob_freep(struct glob **g)
{
    glob_free(*g);
}
#define auto_glob        __attribute__((cleanup(glob_freep))) struct glob
#define auto_glob_states __attribute__((cleanup(glob_states_release))) struct glob_states

#endif
