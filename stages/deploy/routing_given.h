/* stages/deploy/routing_given.h: labels of Traefik 2 and 3 that the compose file has itself.
 *
 * They are passed on. With a generation, the routers, services and middlewares that they define get a release's names,
 * wherever they are named, and routers its priority. What they name and do not define (`auth@file`) stays. */
#ifndef STAGES_DEPLOY_ROUTING_GIVEN_H
#define STAGES_DEPLOY_ROUTING_GIVEN_H

#include "stages/deploy/routing.h"

/* Of one "key=value": whether it is one of these. */
bool routing_is_given(const char *label);
/* Those of `from->labels` that are, appended to `out`. ERR_JOB: none of them is a router with a rule, or one does what a
 * release cannot do beside another. */
int routing_given_labels(const struct routing_from *from, struct strvec *out, struct err *e);

#endif
