/* stages/pipeline/git.h: the host's git, asked about a checkout. */
#ifndef STAGES_PIPELINE_GIT_H
#define STAGES_PIPELINE_GIT_H

#include "base/err.h"
#include "base/strvec.h"

struct git {
    const char *dir;   /* where it runs; borrowed */
    struct strvec env; /* the caller's, without what would point git elsewhere */
};

/* Take over the environment without GIT_DIR and its like (a git hook that calls us
 * has them set), and make git ask nothing and lock nothing. */
void git_init(struct git *g, const char *dir, char *const *env);
void git_release(struct git *g);

/* Run `git ARG…` (NULL-terminated). *out (may be NULL) is its standard output
 * without the final newline, the caller's. Fails with git's own first line. */
__attribute__((sentinel)) int git_run(const struct git *g, char **out, struct err *e, ...);
/* Ask something that may well have no answer: NULL when git fails or prints nothing. */
__attribute__((sentinel)) char *git_ask(const struct git *g, ...);

#endif
