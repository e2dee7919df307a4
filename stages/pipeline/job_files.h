/* stages/pipeline/job_files.h: which caches and artifacts one job restores, takes and leaves, worked out.
 *
 * Caches lie where those of a server's jobs would (contract 4.2), artifacts in the pipeline's store
 * (stages/pipeline/artifact_store.h). */
#ifndef STAGES_PIPELINE_JOB_FILES_H
#define STAGES_PIPELINE_JOB_FILES_H

#include "stages/pipeline/job_left.h"
#include "stages/pipeline/source.h"
#include "stages/variables.h"

#include <stdint.h>

struct job_cache {
    const struct ci_cache *rules;
    struct strvec keys;  /* its own, then the fallbacks; "" is none */
    struct strvec files; /* the archive of each, seen from the project's folder */
    struct strvec notes; /* about its keys, for the log */
    bool pulls, pushes;
};

/* One call of artifacts-uploader. */
struct job_upload {
    const char *type, *format;
    char *name;
    enum ci_when when;
    const struct ci_artifacts *archive; /* excludes and untracked files; NULL for a report */
    char *const *paths;
    size_t n_paths;
};

struct job_download {
    const char *job;
    int64_t id;
    char *url;
};

struct job_files {
    struct job_cache *caches;
    size_t n_caches;
    struct job_upload *uploads;
    size_t n_uploads;
    struct job_download *downloads;
    size_t n_downloads;
    struct strvec missing; /* jobs whose artifacts it wants, and that did not run; may be "JOB of pipeline ID" */
    char *url;             /* where its own artifacts go */
    int64_t cache_timeout; /* minutes */
};

/* The pipeline that this one is a child of: what has ended there. */
struct job_files_outer {
    int64_t id;
    const struct job_left *left;
    size_t n_left;
    const struct job_files_outer *outer;
};

/* Where it all lies, and what came before. All borrowed. */
struct job_files_world {
    struct source *source;
    const char *project_path; /* group/project */
    const char *project_dir;
    const char *cache_dir;
    const char *folder; /* below it: where this job's artifacts go */
    const struct job_left *left; /* by the jobs that ended, in the pipeline's order */
    size_t n_left;
    const struct job_files_outer *outer; /* NULL: it is no child */
};

/* ERR_JOB for a policy that is none. `v` is resolved. */
int job_files_plan(const struct ci_job *job, const struct job_files_world *w, const struct variables *v,
                   struct job_files *out, struct err *e);
void job_files_release(struct job_files *f);

/* Whether it gets the artifacts of the other one, and its reports. */
bool job_files_depends_on(const struct ci_job *job, const struct ci_job *other);
/* Whether it leaves a dotenv report. */
bool job_files_sets_variables(const struct ci_job *job);
/* The variables of dotenv reports that the job gets. */
void job_files_variables(const struct ci_job *job, const struct job_left *left, size_t n, struct variables *out);

#endif
