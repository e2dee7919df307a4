/* stages/pipeline/expression.h: the conditions of `rules: if` and `only: variables`.
 *
 *     $CI_COMMIT_BRANCH == "main" && ($DEPLOY || $CI_COMMIT_MESSAGE =~ /^release/i)
 *
 * Operands are $VARIABLES, "text", 'text' and null; `=~` and `!~` have a /regular expression/ on their right, or a
 * variable that holds one. `&&` binds tighter than `||`. A variable that is not there is null.
 *
 * As in GitLab, the result of `a && b` is that of one of the two, where only null and a comparison's "no" are false:
 * a variable that is there and empty is false only when it is all that the condition ends up with. */
#ifndef STAGES_PIPELINE_EXPRESSION_H
#define STAGES_PIPELINE_EXPRESSION_H

#include "stages/variables.h"

/* Where variables are looked for: in each, then in the outer one. Resolved, and borrowed. */
struct expression_scope {
    const struct variables *variables;
    const struct expression_scope *outer;
};

/* ERR_JOB says what is wrong and at which character. */
int expression_check(const char *text, struct err *e);
int expression_holds(const char *text, const struct expression_scope *scope, bool *out, struct err *e);

#endif
