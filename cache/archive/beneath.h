/* cache/archive/beneath.h: folders below a root, reached without following a link. For this folder alone.
 *
 * Names come from a job or an archive, and a job may still be changing the tree. The kernel
 * refuses what leads outside (openat2, RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS); where it has no
 * openat2, or a container forbids it, the path is walked by O_NOFOLLOW.
 *
 * The last folder stays open: names come sorted, so that most are one openat away. One thread each. */
#ifndef CACHE_ARCHIVE_BENEATH_H
#define CACHE_ARCHIVE_BENEATH_H

#include <stdbool.h>
#include <stddef.h>

struct beneath {
    int root;    /* borrowed */
    int fd;      /* the folder that was asked for last; -1: none */
    char *path;  /* its path below the root, "" for the root; NULL: none */
    bool walks;  /* there is no openat2 */
};

#define BENEATH_INIT(root_fd) { (root_fd), -1, NULL, false }

/* A descriptor (O_PATH, borrowed until the next call) of the folder that holds `name`, a clean
 * relative name, whose last element *base points to. -1 with errno: ENOENT, ELOOP, ENOTDIR, ... */
int beneath_open(struct beneath *b, const char *name, const char **base);
/* The same, for reading or writing, where a missing folder is made and what is no folder gives way to one.
 * *replaced counts the links that did. */
int beneath_make(struct beneath *b, const char *name, const char **base, unsigned *replaced);
/* Forget the open folder: something may have taken its place. */
void beneath_forget(struct beneath *b);

#endif
