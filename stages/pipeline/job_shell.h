/* stages/pipeline/job_shell.h: a person's shell in the build container of a job that has failed. */
#ifndef STAGES_PIPELINE_JOB_SHELL_H
#define STAGES_PIPELINE_JOB_SHELL_H

#include "stages/pipeline/job_state.h"

/* At our terminal, until it ends or we are told to stop; in the project's folder, with the variables that are in the
 * container's file `env`, which goes. Whatever the shell's exit code is, the job goes on. */
int job_shell(struct job_run *j, const char *env, struct err *e);

#endif
