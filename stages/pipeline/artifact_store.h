/* stages/pipeline/artifact_store.h: where the artifacts of a pipeline lie: in the cache folder that the jobs'
 * helper containers have.
 *
 *     <cache_dir>/.artifacts/<slot>-<pipeline>/<number>-<job>/<type>/<file>
 *
 * Helper containers write, unpack and remove (cache/helper/local_artifacts.h). Jobs decide what is in there,
 * so this side follows no link, unpacks nothing, and reads nothing without a limit. */
#ifndef STAGES_PIPELINE_ARTIFACT_STORE_H
#define STAGES_PIPELINE_ARTIFACT_STORE_H

#include "base/err.h"
#include "base/strvec.h"

#include <stdint.h>

/* All of the project's, below its cache folder. */
#define ARTIFACT_STORE ".artifacts"

/* "<slot>-<pipeline>"; the caller's, as all of these. */
char *artifact_store_pipeline(int slot, int64_t pipeline_id);
/* "<number>-<job's name, as a slug>" */
char *artifact_store_job(size_t number, const char *name);

/* The names of regular files, or of folders, in a folder below `root`, sorted; none when it is not there. */
void artifact_store_files(const char *root, const char *folder, struct strvec *out);
void artifact_store_folders(const char *root, const char *folder, struct strvec *out);
/* A whole file below `root`. ERR_JOB when it is too large, or no file. */
int artifact_store_read(const char *root, const char *path, size_t max, char **out, size_t *len, struct err *e);

#endif
