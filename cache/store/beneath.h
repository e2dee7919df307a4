/* cache/store/beneath.h: opening below a folder that others write to. For this folder alone. */
#ifndef CACHE_STORE_BENEATH_H
#define CACHE_STORE_BENEATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

/* Each returns a descriptor, or -1 with errno. */

/* The folder `name` of `dir`; a link is none. */
int beneath_step(int dir, const char *name);
/* The folder at the first `len` bytes of `path`, each of whose elements is such a step. */
int beneath_folder(int root, const char *path, size_t len);
/* The regular file `name` of `dir`, opened with `flags`. Nothing else is ever opened, not even for a moment: a
 * device does things when it is. EINVAL when it is something else. */
int beneath_file(int dir, const char *name, int flags);
/* Whether somebody has locked that file. */
bool beneath_locked(int dir, const char *name);

/* When the file last became another one, in any way: nanoseconds since the epoch. Nobody can set this. */
int64_t beneath_changed(const struct stat *st);

#endif
