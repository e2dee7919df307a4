/* stages/pipeline/snapshot.h: the checkout's files as every job may have them at once, without a copy.
 *
 * A job's project folder is an overlay: at the bottom the checkout itself, which an overlay only reads; over it what
 * hides `.git` and all that is ignored; over that a `.git` of ours; and on top what the job writes, which is its own.
 * So a job begins at once, however large the checkout is. The objects of the commit and of the history are mounted
 * beside it, read-only (kernel: Documentation/filesystems/overlayfs.rst; git: gitrepository-layout(5)).
 *
 * What the caller changes in the checkout while a job runs, that job may see. */
#ifndef STAGES_PIPELINE_SNAPSHOT_H
#define STAGES_PIPELINE_SNAPSHOT_H

#include "stages/pipeline/source.h"

/* Where jobs find the repository that their `origin` is, and the objects. */
#define SNAPSHOT_AT         "/atelier/sources"
#define SNAPSHOT_REPOSITORY SNAPSHOT_AT "/repository.git"

struct snapshot {
    char *unfit;   /* why this checkout's jobs have to fetch their sources; NULL: they need not */
    char *git;     /* the layer with .git; all in source->dir */
    char *mask;    /* the layer that hides */
    char *sources; /* what is mounted at SNAPSHOT_AT */
    const struct source *source;
};

#define SNAPSHOT_INIT { .unfit = NULL }

/* Make the layers. A checkout that is not fit for it (a branch that is not checked out, submodules, a shallow or
 * partial clone) is no failure. `s` outlives it, and removes what is made here. */
int snapshot_take(const struct source *s, struct snapshot *out, struct err *e);
/* What `prepare` is to do for one job (executor/sources_mount.h), as a file of JSON. */
int snapshot_request(const struct snapshot *s, const char *path, struct err *e);
/* The commits that end a history of `depth` (0: all of it): lines for .git/shallow. None when it ends before that, or
 * is too long to tell. */
void snapshot_shallow(const struct snapshot *s, int depth, struct strvec *out);
void snapshot_release(struct snapshot *s);

#define auto_snapshot __attribute__((cleanup(snapshot_release))) struct snapshot

#endif
