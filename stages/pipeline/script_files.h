/* stages/pipeline/script_files.h: the part of a job's scripts that is about caches and artifacts: calls of the
 * helper's commands, as gitlab-runner writes them (contract 2.6 to 2.11). */
#ifndef STAGES_PIPELINE_SCRIPT_FILES_H
#define STAGES_PIPELINE_SCRIPT_FILES_H

#include "base/strbuf.h"
#include "stages/pipeline/job_files.h"

/* Whether there is anything to do: a sub-stage without is not called. `passed`: how the job stands by then. */
bool script_files_restores(const struct job_files *f);
bool script_files_takes(const struct job_files *f);
bool script_files_saves(const struct job_files *f, bool passed);
bool script_files_leaves(const struct job_files *f, bool passed);
/* Whether a command of them may ask git, for what is untracked. */
bool script_files_ask_git(const struct job_files *f);

/* Append the commands, for a shell in the project's folder. */
void script_files_restore(const struct job_files *f, struct strbuf *b);
void script_files_take(const struct job_files *f, struct strbuf *b);
void script_files_save(const struct job_files *f, bool passed, struct strbuf *b);
void script_files_leave(const struct job_files *f, bool passed, struct strbuf *b);

#endif
