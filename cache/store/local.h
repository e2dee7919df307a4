/* cache/store/local.h: caches on the host, as the helper's container has them mounted (contract 4.2).
 *
 *     <cache_dir>/<project>/<key>/cache.zip       the archive, whatever its format
 *                                 metadata.json   what it was made for
 *                                 hits            a byte for each time that it was used; its date is the last time
 *                                 .lock           held by who writes or removes
 *
 * All slots of a runner share them. A writer locks, writes a file that has no name
 * yet, and gives it the name when it is whole: so readers see the old archive or
 * the new one, and of a writer that is killed nothing stays. Nothing is synced to the
 * disk: after a power failure an archive may be broken, and the job goes without. */
#ifndef CACHE_STORE_LOCAL_H
#define CACHE_STORE_LOCAL_H

#include "base/err.h"
#include "base/strvec.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define STORE_ARCHIVE  "cache.zip" /* as scripts name it; what is written is what they say */
#define STORE_METADATA "metadata.json"
#define STORE_HITS     "hits"
#define STORE_LOCK     ".lock"

/* An archive that is being written. */
struct store_draft {
    char *folder;
    char *name; /* of the archive in it */
    int dir;    /* the folder */
    int lock;
    int fd;     /* where the archive goes */
};

#define STORE_DRAFT_INIT { NULL, NULL, -1, -1, -1 }

/* Called ten times a second while another holds the lock; a negative return ends the waiting with the error that it set. */
typedef int store_wait_fn(void *ctx, bool first, struct err *e);
/* Lock the folder of `file`, which is made if need be, also when who held the lock removes it, and open a new
 * file there. `waiting` may be NULL. */
int store_begin(const char *file, store_wait_fn *waiting, void *ctx, struct store_draft *out, struct err *e);
/* Give it its name. `mtime`: seconds since the epoch, -1: now. `metadata` ("key=value", may be NULL) goes beside it. */
int store_commit(struct store_draft *d, int64_t mtime, const struct strvec *metadata, struct err *e);
/* Unlock; what was not committed is gone. */
void store_release(struct store_draft *d);

/* Note that the archive was used. What cannot be noted is not. */
void store_note_use(const char *file);

#define auto_store_draft __attribute__((cleanup(store_release))) struct store_draft

#endif
