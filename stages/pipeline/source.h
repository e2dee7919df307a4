/* stages/pipeline/source.h: the checkout as a commit that jobs can fetch, uncommitted work included.
 *
 * The caller's repository is only read: new objects go to a folder of ours, and
 * the index is a copy. */
#ifndef STAGES_PIPELINE_SOURCE_H
#define STAGES_PIPELINE_SOURCE_H

#include "base/strvec.h"
#include "stages/pipeline/checkout.h"
#include "stages/pipeline/source_modules.h"

struct source {
    const struct checkout *checkout;
    char *const *env;
    char *dir;     /* ours: the copied index, and `sources` with the new objects */
    char *history; /* the folder of the checkout's own objects */
    char *sha;     /* the commit: HEAD, or one on top of it */
    bool changed;  /* the work tree has what HEAD has not */
    char *format;  /* "sha1" or "sha256" */
    bool shallow;  /* the checkout has not all of its history */
    int64_t pipeline_id;
    bool takes_modules, takes_modules_of_modules; /* what jobs get of submodules: for source_publish() */
    struct source_modules modules;                /* which it has put there */
    char *store;   /* the repository that has all of it by now; NULL before the first job */
};

/* The other end of a push to a repository that nobody else uses. */
#define SOURCE_RECEIVE_PACK                                                                               \
    "--receive-pack=GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 git -c receive.shallowUpdate=true " \
    "-c receive.unpackLimit=1 -c gc.autoDetach=false -c gc.pruneExpire=now receive-pack"

#define SOURCE_INIT { .dir = NULL }

/* Make the commit, unless the checkout is looked at as another branch, which has one. Tracked files are in it as they are
 * now, and untracked ones that are not ignored. The same files give the same commit. `temporary` is the folder below
 * which we may make ours. */
int source_take(const struct checkout *c, char *const *env, const char *temporary, int64_t pipeline_id,
                struct source *out, struct err *e);
/* Put a bare repository at `<builds_dir>/<name>`, where nothing may be yet: the commit
 * as refs/pipelines/<id> and refs/heads/<branch>, its history, and the checkout's
 * branches and tags.
 *
 * Jobs can write in builds_dir, and what they leave there may be a hook, a setting or
 * a link that waits for us. So our git works beside it, in "<builds_dir>.source.git",
 * which no job sees: pipelines add to it, and mend it when it is broken. A job gets a
 * copy, made beside as well and moved into place. Never publish onto an old one. The
 * caller sees to it that no other pipeline uses builds_dir meanwhile. */
int source_publish(struct source *s, const char *builds_dir, const char *name, struct err *e);
/* Whether it is a partial clone: git fetches what it lacks from its remote when it wants it, here when we publish. */
bool source_is_partial(const struct source *s);
/* A key made of what the files are that the patterns (git's, with `**`) name: 40 hex digits of their contents, or of
 * the commits that changed them last; NULL when there are none. */
int source_hash(struct source *s, const struct strvec *patterns, bool by_commits, char **out, struct err *e);
/* A git that reads the checkout and the commit, and writes only below s->dir. The caller's. */
struct git;
void source_git(const struct source *s, struct git *g);
/* One where nothing of the user's or the host's settings counts, in the repository `git_dir`. The caller's. */
void source_git_inside(const struct source *s, const char *git_dir, struct git *g);
void source_release(struct source *s); /* removes our folder */

#define auto_source __attribute__((cleanup(source_release))) struct source

#endif
