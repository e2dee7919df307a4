/* engine/image.h: images. */
#ifndef ENGINE_IMAGE_H
#define ENGINE_IMAGE_H

#include "engine/engine.h"
#include "engine/registry_auth.h"

/* GET /images/NAME/json; a new reference. ERR_NOT_FOUND: not here. */
int image_inspect(struct engine *d, const char *name, json_t **out, struct err *e);

/* GET /images/json: all but what builds left between two of them; a new reference. */
int image_list(struct engine *d, json_t **out, struct err *e);

/* Hears of a transfer's progress: one line for people now and then, no flood. */
typedef void image_progress_fn(void *ctx, const char *line);

struct image_transfer {
    const char *platform;             /* pull only; NULL: the daemon's own */
    const struct registry_auth *auth; /* NULL: none */
    image_progress_fn *progress;      /* NULL: silent */
    void *progress_ctx;
    const struct engine_watch *watch;
};

/* POST /images/create. `name` without tag or digest means ":latest". What the
 * registry said comes back as the error's text; ERR_NOT_FOUND when it has no such
 * image or does not let us see it. */
int image_pull(struct engine *d, const char *name, const struct image_transfer *t, struct err *e);
/* n pulls side by side, each to its end; errs[i] tells of each; -1 if any failed. The watch of
 * the first is for all. */
int image_pull_all(struct engine *d, const char *const *names, const struct image_transfer *how, struct err *errs, size_t n);
int image_push(struct engine *d, const char *name, const struct image_transfer *t, struct err *e);
/* POST /images/NAME/tag. */
int image_tag(struct engine *d, const char *name, const char *new_name, struct err *e);
/* DELETE /images/NAME. One that is not there is fine. */
int image_remove(struct engine *d, const char *name, struct err *e);
/* POST /images/load: a `docker save` archive from `source`. */
int image_load(struct engine *d, http_source_fn *source, void *ctx, struct err *e);
/* POST /images/create?fromSrc=-: a root file system's tar from `source` becomes `name`; `changes` are
 * Dockerfile lines (CMD, ENV, …) or NULL. */
int image_import(struct engine *d, const char *name, const struct strvec *changes, http_source_fn *source,
                 void *ctx, struct err *e);

#endif
