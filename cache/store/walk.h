/* cache/store/walk.h: reading and removing in the root folder of the host's caches.
 *
 * Below the folders of runners and projects everything was written by containers,
 * where jobs may be root: names, links, devices and dates are what they want them
 * to be, and change while we look. So every step goes from an open folder to a name
 * in it, no link is followed, only regular files are opened, and only names that
 * are ours are removed. */
#ifndef CACHE_STORE_WALK_H
#define CACHE_STORE_WALK_H

#include "base/err.h"
#include "cache/store/index.h"

/* How deep a key may lie below its project's folder. */
#define STORE_DEPTH_MAX 64
/* Leftovers are those that nobody has written to for so long (seconds). */
#define STORE_LEFTOVER_AGE 86400

/* Open the root folder. ERR_NOT_FOUND when there is none. */
int store_root_open(const char *path, int *out, struct err *e);
/* All that is below it, arranged. What cannot be read is counted, and no error. */
void store_walk(int root, int64_t now, struct store_index *out);
/* The archive of an entry, for reading; ERR_NOT_FOUND when it is gone. */
int store_archive_open(int root, const struct store_entry *entry, int *out, struct err *e);

/* Whether a writer has the entry's lock. */
bool store_is_locked(int root, const struct store_entry *entry);

enum store_outcome { STORE_REMOVED, STORE_IN_USE };

/* Take the entry's lock, and remove what its fate says: the cache and what is left over, or that alone; then its
 * folder and those above, up to the project's, as far as they are empty. One who reads the archive reads on.
 * It is in use, and stays, when a writer has the lock, or when it was used or written since it was read. */
int store_remove(int root, const struct store_entry *entry, int64_t now, enum store_outcome *out, struct err *e);

#endif
