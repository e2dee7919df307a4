/* engine/volume.h: volumes. */
#ifndef ENGINE_VOLUME_H
#define ENGINE_VOLUME_H

#include "engine/engine.h"

/* POST /volumes/create. One of that name that exists already is fine. */
int volume_create(struct engine *d, const char *name, const json_t *labels, struct err *e);
/* One that the `local` driver mounts as `options` say (type, device, o); NULL: an ordinary one. Its description in *out
 * (may be NULL), a new reference. One of that name that exists already is fine, and stays what it is. */
int volume_create_with(struct engine *d, const char *name, const json_t *labels, const json_t *options, json_t **out,
                       struct err *e);
/* GET /volumes/NAME; a new reference. ERR_NOT_FOUND: there is none. */
int volume_inspect(struct engine *d, const char *name, json_t **out, struct err *e);
/* Volumes that bear every one of the labels. An array; a new reference. */
int volume_list(struct engine *d, const struct strvec *labels, json_t **out, struct err *e);
/* Gone is fine; in use is ERR_CONFLICT. */
int volume_remove(struct engine *d, const char *name, struct err *e);

#endif
