/* stages/pipeline/snapshot.h: the checkout's files as every job may have them at once, without a copy.
 *
 * A job's project folder is an overlay: at the bottom the checkout itself, which an overlay only reads; over it what
 * hides `.git` and all that is ignored; over that a `.git` of ours, and in it what a fetch at the job's depth would leave;
 * and on top what the job writes, which is its own. So a job begins at once, however large the checkout is, and no git
 * has to run in its containers before. The objects of the commit and of the history are mounted
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
    char *offered; /* the references of the repository there, as refspec.h reads them */
    const struct source *source;
};

#define SNAPSHOT_INIT { .unfit = NULL }

/* Make the layers. A checkout that is not fit for it (a branch that is not checked out, submodules, a shallow or
 * partial clone) is no failure. `s` outlives it, and removes what is made here. */
int snapshot_take(const struct source *s, struct snapshot *out, struct err *e);
/* What `prepare` is to do for one job (executor/sources_mount.h), as a file of JSON. The job's references are what a fetch
 * of `refspecs` would leave, and its history that of `depth` (0: all of it; else with the tags that are in it, as git
 * follows them); it is not shortened where it ends before that, or is too long to tell. What the first job of a depth
 * has made is that of the others, too. */
int snapshot_request(const struct snapshot *s, const struct strvec *refspecs, int depth, const char *path, struct err *e);
void snapshot_release(struct snapshot *s);

#define auto_snapshot __attribute__((cleanup(snapshot_release))) struct snapshot

#endif
