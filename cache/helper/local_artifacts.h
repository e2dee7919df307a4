/* cache/helper/local_artifacts.h: artifacts without a GitLab, for `atelier pipeline`: `--url file://FOLDER`.
 *
 *     FOLDER/<type>/<file name>    "archive/artifacts.zip", "junit/junit.xml.gz"
 *
 * The folder is the job's alone. Whoever ran the pipeline may read what is in it, whatever user this
 * container has; a folder above keeps others out. */
#ifndef CACHE_HELPER_LOCAL_ARTIFACTS_H
#define CACHE_HELPER_LOCAL_ARTIFACTS_H

#include "cache/archive/write.h"
#include "cache/helper/helper.h"

bool local_artifacts_is(const char *url);
/* Write them there, whole or not at all. `type` and `file` are single names. */
int local_artifacts_keep(const struct helper *h, const char *url, const char *type, const char *file,
                         const struct archive_spec *spec, struct err *e);
/* Open what that job kept as its archive. */
int local_artifacts_open(const struct helper *h, const char *url, int *fd, struct err *e);

#endif
