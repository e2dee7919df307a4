/* executor/build_folder.h: whom the job's build folder belongs to.
 *
 * The helper fetches the sources as root, with ordinary rights. A script that runs as
 * somebody else gets the folder for its own before it begins, and the next job's first
 * script takes it back (stages/shell.h has both). So nothing in it is open to
 * everybody, and git finds its owner wherever it is called. */
#ifndef EXECUTOR_BUILD_FOLDER_H
#define EXECUTOR_BUILD_FOLDER_H

#include "engine/engine.h"
#include "stages/place.h"

/* `project`: the folder of the sources in it. Give it away, by root in the helper's container, on a connection of its own. Returns
 * when all of it is done, which may take a second or two for each 100,000 files; the watch may end that. */
int build_folder_give(const struct engine *d, const struct place *place, const char *project, int64_t uid, int64_t gid,
                      const struct engine_watch *watch, struct err *e);

#endif
