/* engine/container.h: containers. */
#ifndef ENGINE_CONTAINER_H
#define ENGINE_CONTAINER_H

#include "engine/engine.h"

/* POST /containers/create. `config` is the API's body (Config, HostConfig,
 * NetworkingConfig). *id is the caller's. ERR_CONFLICT: the name is taken.
 * ERR_NOT_FOUND: the image is not here. */
int container_create(struct engine *d, const char *name, const char *platform, const json_t *config,
                     char **id, struct err *e);
/* Start one. One that runs already is fine. */
int container_start(struct engine *d, const char *id, struct err *e);
/* Start n side by side; errs[i] tells of each; -1 if any failed. */
int container_start_all(struct engine *d, const char *const *ids, struct err *errs, size_t n);
/* GET /containers/ID/json; a new reference. */
int container_inspect(struct engine *d, const char *id, json_t **out, struct err *e);
/* All containers, running or not, that bear every one of the labels ("k=v" or "k").
 * An array; a new reference. */
int container_list(struct engine *d, const struct strvec *labels, json_t **out, struct err *e);
/* SIGKILL by default (signal NULL). One that does not run (409) or is gone (404) is fine. */
int container_kill(struct engine *d, const char *id, const char *signal, struct err *e);
/* Ask them to end, n side by side, and kill those that run longer than `grace_ms` (whole seconds). One that does not
 * run or is gone is fine. errs[i] tells of each; -1 if any failed. */
int container_stop_all(struct engine *d, const char *const *ids, int64_t grace_ms, struct err *errs, size_t n);
/* Remove with its anonymous volumes, killing it first if need be. Gone, or on its way out (409 "removal
 * in progress"), is fine. */
int container_remove(struct engine *d, const char *id, struct err *e);
/* Remove n side by side. */
int container_remove_all(struct engine *d, const char *const *ids, struct err *errs, size_t n);
/* How much memory its processes have, in bytes; what the kernel could let go at once is not counted. */
int container_memory(struct engine *d, const char *id, int64_t *bytes, struct err *e);
/* Wait until it is not running; *code is its exit code. */
int container_wait(struct engine *d, const char *id, const struct engine_watch *watch, int *code,
                   struct err *e);
/* The last `lines` lines of both its streams, interleaved as text, at most `max` bytes. */
int container_logs(struct engine *d, const char *id, int lines, size_t max, char **out, struct err *e);

#endif
