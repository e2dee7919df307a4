/* cache/archive/entry_name.h: which names and links of an archive stay within its tree. Pure functions. */
#ifndef CACHE_ARCHIVE_ENTRY_NAME_H
#define CACHE_ARCHIVE_ENTRY_NAME_H

#include <stdbool.h>

/* `name` without ".", empty elements and trailing slashes: "./a//b/" is "a/b", "./" is "". NULL when it leads
 * outside (absolute, "..") or is longer than any path may be. Owned. */
char *entry_name_clean(const char *name);

/* Whether a symbolic link at the clean `name` leads to a place in the tree whatever other such links
 * there are: a relative target that only begins with "..", and with no more of them than `name` has folders. (A ".."
 * after a name could come back from a link's target, further up than it went down.) */
bool entry_link_inside(const char *name, const char *target);

#endif
