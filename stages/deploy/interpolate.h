/* stages/deploy/interpolate.h: variables in a compose file's texts, by the Compose specification.
 *
 * $X and ${X}; ${X:-d} and ${X-d}: d when X is not set (with the colon: or empty); ${X:?e} and ${X?e}: else an error
 * that says e; ${X:+a} and ${X+a}: a when X is set; $$ is a dollar. d and a may have variables of their own. Every
 * other dollar is an error, and so is a variable that is not set and has no default: elsewhere it becomes nothing, and
 * a deploy with an empty password begins. What a variable's value contains is not looked at again. */
#ifndef STAGES_DEPLOY_INTERPOLATE_H
#define STAGES_DEPLOY_INTERPOLATE_H

#include "stages/deploy/compose.h"

/* The most that one text may become: the kernel takes no longer string in a process's environment. */
#define INTERPOLATED_MAX ((size_t)128 << 10)

struct interpolated {
    char *text;             /* complete only when both lists are empty; never NULL */
    bool secret;            /* a secret's value is in it, or would be */
    struct strvec unset;    /* a text for each variable that is missing, with what to do; the first 20 */
    struct strvec problems; /* what is wrong with the text itself */
};

/* Put the variables into `text`. No text in the two lists has a variable's value in it. */
void interpolate(const char *text, const struct compose_variables *v, struct interpolated *out);
void interpolated_release(struct interpolated *i);

#define auto_interpolated __attribute__((cleanup(interpolated_release))) struct interpolated

#endif
