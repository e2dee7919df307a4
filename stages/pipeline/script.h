/* stages/pipeline/script.h: the shell scripts of a job's sub-stages, as gitlab-runner 19.1+ writes them. */
#ifndef STAGES_PIPELINE_SCRIPT_H
#define STAGES_PIPELINE_SCRIPT_H

#include "base/strvec.h"
#include "stages/pipeline/job_files.h"
#include "stages/variables.h"

/* In the order in which they run. */
enum substage {
    SUBSTAGE_PREPARE,
    SUBSTAGE_GET_SOURCES,
    SUBSTAGE_RESTORE_CACHE,
    SUBSTAGE_DOWNLOAD,
    SUBSTAGE_STEPS,
    SUBSTAGE_SHELL, /* not of the runner: a person is about to look at the failed job */
    SUBSTAGE_AFTER_SCRIPT,
    SUBSTAGE_SAVE_CACHE,
    SUBSTAGE_SAVE_CACHE_ON_FAILURE,
    SUBSTAGE_UPLOAD,
    SUBSTAGE_UPLOAD_ON_FAILURE,
    SUBSTAGE_CLEANUP,
};

/* How the names of such repositories begin: those of earlier jobs are removed. */
#define SCRIPT_REPOSITORY_PREFIX "source-"

/* What the scripts are made from; all borrowed. */
struct script_source {
    const struct variables *variables; /* resolved; file variables hold their content */
    const char *shell;                 /* "bash" or "sh" */
    const char *hostname;              /* as config answered, or NULL */
    const char *project_dir;           /* CI_PROJECT_DIR */
    const char *files_dir;             /* "<project_dir>.tmp" */

    const char *builds_dir; /* the same in every container */
    const char *repository; /* name of the bare repository in it to fetch from */
    const char *sha;
    const char *ref;
    const struct strvec *refspecs;
    int depth; /* 0: everything */
    bool has_snapshot; /* the folder is one (snapshot.h): there is nothing to fetch */

    const struct source_modules *modules; /* what `repository` has of them; NULL: nothing */

    const struct strvec *pre_get_sources; /* NULL: none */
    const struct strvec *script; /* NULL: none */
    const struct strvec *after_script;

    const struct job_files *files;
    const char *artifacts; /* folder of the artifacts of the project's pipelines; NULL: none yet */
    const char *pipeline;  /* this one's name in it, "<slot>-..." */
    int slot;

    const char *shell_env; /* where SUBSTAGE_SHELL leaves the variables; NULL: it is not for this job */
};

const char *substage_name(enum substage s);  /* as the run hook is told */
const char *substage_title(enum substage s); /* as the log shows it */

/* Whether there is anything in it to do: gitlab-runner leaves the others out. */
bool script_is_needed(const struct script_source *src, enum substage s);
/* What the log shows all the same of one that is not needed: what its script would say. NULL: nothing. The caller's. */
char *script_unneeded_log(const struct script_source *src, enum substage s);
/* The whole script; the caller's. */
char *script_write(const struct script_source *src, enum substage s);

#endif
