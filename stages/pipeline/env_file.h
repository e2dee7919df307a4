/* stages/pipeline/env_file.h: the file of --variables: KEY=value lines, as docker compose reads .env. */
#ifndef STAGES_PIPELINE_ENV_FILE_H
#define STAGES_PIPELINE_ENV_FILE_H

#include "stages/variables.h"

/* Append the file's variables (base/env_text.h). No `$` in one between single quotes
 * is expanded. Those whose name looks like a secret's are masked.
 * Errors (ERR_JOB) say "FILE:LINE: problem". */
int env_file_read(const char *path, struct variables *out, struct err *e);
/* The same from text, which is followed by a NUL, as file_read() gives it. */
int env_file_parse(const char *name, const char *text, size_t len, struct variables *out, struct err *e);

/* Whether a variable of this name and value is to be kept out of logs: named
 * *PASSWORD*, *TOKEN*, *SECRET*, *KEY* or SV_*, and long enough (8) not to be found in
 * ordinary text. */
bool env_file_is_secret(const char *key, const char *value);

#endif
