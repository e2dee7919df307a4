/* stages/pipeline/source.h: the checkout as a commit that jobs can fetch, uncommitted work included.
 *
 * The caller's repository is only read: new objects go to a folder of ours, and
 * the index is a copy. */
#ifndef STAGES_PIPELINE_SOURCE_H
#define STAGES_PIPELINE_SOURCE_H

#include "stages/pipeline/checkout.h"

struct source {
    const struct checkout *checkout;
    char *const *env;
    char *dir;     /* ours: the copied index and the new objects */
    char *sha;     /* the commit: HEAD, or one on top of it */
    bool changed;  /* the work tree has what HEAD has not */
    char *format;  /* "sha1" or "sha256" */
    int64_t pipeline_id;
};

#define SOURCE_INIT { .dir = NULL }

/* Make the commit. Tracked files are in it as they are now, and untracked ones
 * that are not ignored. The same files give the same commit. `temporary` is the
 * folder below which we may make ours. */
int source_take(const struct checkout *c, char *const *env, const char *temporary, int64_t pipeline_id,
                struct source *out, struct err *e);
/* Put the commit, with its history, into the bare repository `path` as
 * refs/heads/<branch> and refs/pipelines/<id>; tags too. What an earlier pipeline
 * left there is used, and mended when it is broken. */
int source_publish(const struct source *s, const char *path, struct err *e);
void source_release(struct source *s); /* removes our folder */

#define auto_source __attribute__((cleanup(source_release))) struct source

#endif
