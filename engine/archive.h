/* engine/archive.h: files into and out of a container, as tar. */
#ifndef ENGINE_ARCHIVE_H
#define ENGINE_ARCHIVE_H

#include "engine/engine.h"

/* PUT /containers/ID/archive: unpack the tar that `source` gives into the folder `path`, which must exist. */
int archive_put(struct engine *d, const char *container, const char *path, http_source_fn *source, void *ctx,
                struct err *e);
/* What `path` is in there, by HEAD /containers/ID/archive. ERR_NOT_FOUND: nothing. Links on the way to it are
 * followed, within the container; it itself is not. */
enum archive_kind { ARCHIVE_FOLDER, ARCHIVE_LINK, ARCHIVE_OTHER };
int archive_stat(struct engine *d, const char *container, const char *path, enum archive_kind *out, struct err *e);
/* GET /containers/ID/archive: `path` as a tar, given to `on_data` as it comes. */
int archive_get(struct engine *d, const char *container, const char *path, http_data_fn *on_data, void *ctx,
                struct err *e);

#endif
