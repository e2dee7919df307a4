/* stages/pipeline/lint.h: `atelier lint`: all that is wrong in a .gitlab-ci.yml, and where. */
#ifndef STAGES_PIPELINE_LINT_H
#define STAGES_PIPELINE_LINT_H

#include "base/err.h"

#include <stdbool.h>

struct lint_options {
    const char *file;           /* NULL: the checkout's own */
    const char *directory;      /* the checkout; NULL: the current folder */
    const char *branch;         /* NULL: the one that is checked out */
    const struct strvec *inputs; /* "NAME=VALUE" each, of the file's `spec` */
    const char *copies;         /* folder of what `include` takes from servers; NULL: none */
    const char *variables_file; /* .env style, or NULL */
    bool colour;
    char *const *env;
};

/* Writes to stdout: problems, then what has no effect here, each with "FILE:LINE:COLUMN: ". Returns the exit status, 0
 * when nothing is wrong and 1 when something is; negative when there is no such file. */
int lint_run(const struct lint_options *o, struct err *e);

#endif
