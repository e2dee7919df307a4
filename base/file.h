/* base/file.h: files and folders, whole or not at all. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include "base/err.h"

#include <stdbool.h>
#include <sys/types.h>

/* Read a whole file of at most `max` bytes; *out is NUL-terminated and the
 * caller's, *out_len (may be NULL) its length. ERR_NOT_FOUND when it is missing,
 * ERR_SYSTEM otherwise, also when it is larger. */
int file_read(const char *path, size_t max, char **out, size_t *out_len, struct err *e);

/* Write a file beside its place, sync, rename: others see the old or the new one. */
int file_write(const char *path, const void *data, size_t len, mode_t mode, struct err *e);

/* Create the folder and its missing parents with `mode`. One that exists is fine. */
int dir_make(const char *path, mode_t mode, struct err *e);
/* Remove a folder and all below it. Does not follow links, does not leave the
 * file system. A folder that is missing is fine, also one that another process removes meanwhile. */
int dir_remove(const char *path, struct err *e);
/* A new private (0700) folder "<parent>/<prefix>XXXXXX"; *out is the caller's. */
int dir_temporary(const char *parent, const char *prefix, char **out, struct err *e);

/* Write all of it to a descriptor, whatever its blocking mode (waits by poll). */
int fd_write(int fd, const void *data, size_t len, struct err *e);

#endif
