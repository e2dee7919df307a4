/* stages/deploy/routing_name.h: what a release's routers, services and middlewares are called, and their priorities.
 *
 * A container's own name has letters, digits and -, so `_` before what is added keeps names apart. */
#ifndef STAGES_DEPLOY_ROUTING_NAME_H
#define STAGES_DEPLOY_ROUTING_NAME_H

#include "stages/deploy/routing.h"

/* "web", "web_admin", "web_7", "web_admin_7"; `part` may be "". */
char *routing_own_name(const struct routing_from *from, const char *part);
/* The same by the environment's name, for what containers of it share. */
char *routing_shared_name(const struct routing_from *from, const char *part);
/* A priority from a label's text, scaled, with the generation; itself without one. ERR_JOB names `label` when it is out of
 * bounds. */
int routing_priority_read(const struct routing_from *from, const char *text, const char *label, size_t rule_len,
                          int64_t *out, struct err *e);

#endif
