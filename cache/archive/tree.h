/* cache/archive/tree.h: making files, links and folders below a root that others may have filled. For this folder alone.
 *
 * Names are clean (entry_name.h). No link is ever followed: where a folder is needed and a link or file stands,
 * it gives way. What has the name of a new file or link is removed first, never written to: others may have
 * it open or linked. One tree for each thread. */
#ifndef CACHE_ARCHIVE_TREE_H
#define CACHE_ARCHIVE_TREE_H

#include "base/err.h"
#include "cache/archive/beneath.h"

#include <stdbool.h>
#include <sys/stat.h>
#include <time.h>

struct tree {
    struct beneath at, first; /* `first`: of a hard link's other name */
    mode_t umask;
    bool owners;       /* files belong to who the archive says, where that is allowed */
    unsigned replaced; /* links that gave way to folders */
};

struct attributes {
    mode_t mode; /* permission bits, and what else is to be kept */
    struct timespec mtime;
    uid_t uid;
    gid_t gid;
};

#define TREE_INIT(root, mask, with_owners) { BENEATH_INIT(root), BENEATH_INIT(root), (mask), (with_owners), 0 }
void tree_release(struct tree *t);

/* A new empty file, open for writing. */
int tree_create(struct tree *t, const char *name, mode_t mode, struct err *e);
/* Last of all: what the file is to be like. */
int tree_finish(const struct tree *t, int fd, const struct attributes *as, const char *name, struct err *e);
void tree_remove(struct tree *t, const char *name); /* as far as it can be */

int tree_symlink(struct tree *t, const char *name, const char *target, const struct attributes *as, struct err *e);
int tree_hardlink(struct tree *t, const char *name, const char *first, struct err *e);
/* The folder, made if it is missing, is to be like that. */
int tree_folder(struct tree *t, const char *name, const struct attributes *as, struct err *e);

/* The process's umask, found out without changing it; 0777 when it cannot be. */
mode_t tree_umask(void);

#endif
