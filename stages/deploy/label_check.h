/* stages/deploy/label_check.h: whether a compose file's labels say something that is done. Pure.
 *
 * A deploy asks it before it touches anything, and `atelier compose check` before there is a target, so that both
 * say the same. Judged are `sh.factory.cronjob.*` (both labels, or none; with them `command: /bin/false` and
 * `restart: "no"`) and `traefik.*` of what the proxy routes, with the host names that a target allows. */
#ifndef STAGES_DEPLOY_LABEL_CHECK_H
#define STAGES_DEPLOY_LABEL_CHECK_H

#include "stages/deploy/compose.h"
#include "stages/deploy/target.h"

/* Each problem as "FILE:LINE: service 'NAME': …", appended to `problems`; ERR_JOB says the first one. `target` NULL: it
 * is not known, and what is said holds for each one with a proxy. Where a label waits for a variable
 * (compose_variables.unset), none is said to be missing. */
int labels_check(const char *file, const struct compose *c, const struct target *target, struct strvec *problems,
                 struct err *e);

#endif
