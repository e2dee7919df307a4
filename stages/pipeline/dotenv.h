/* stages/pipeline/dotenv.h: `artifacts:reports:dotenv`: variables that a job leaves for later ones.
 *
 * A job wrote it: it is taken whole or not at all, by GitLab's rules: KEY=value lines, no comment, no empty
 * line, quotes are part of the value. GitLab's limits depend on what is paid for; here the widest hold. */
#ifndef STAGES_PIPELINE_DOTENV_H
#define STAGES_PIPELINE_DOTENV_H

#include "stages/variables.h"

#define DOTENV_BYTES_MAX     ((size_t)5 << 10)
#define DOTENV_VARIABLES_MAX ((size_t)150)

/* Append the variables. `predefined`: the job's; what GitLab and the runner say in CI_* is not a job's to change,
 * since it also says which folders of this host later jobs get. ERR_JOB says which line is wrong. */
int dotenv_parse(const char *text, size_t len, const struct variables *predefined, struct variables *out, struct err *e);

#endif
