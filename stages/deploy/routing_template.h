/* stages/deploy/routing_template.h: `/a/{id:[0-9]+}`, as Traefik 1 and 2 have it, made a regular expression for Traefik 3. */
#ifndef STAGES_DEPLOY_ROUTING_TEMPLATE_H
#define STAGES_DEPLOY_ROUTING_TEMPLATE_H

#include "base/err.h"

#include <stdbool.h>

bool routing_is_template(const char *text);
/* Without anchors, everything outside of braces taken literally. `any` is what a placeholder without an expression
 * stands for. ERR_JOB when braces do not match. */
int routing_template_regex(const char *text, const char *any, char **out, struct err *e);

#endif
