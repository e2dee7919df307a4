/* stages/deploy/routing_router.h: the routers of one segment of a container, for Traefik 2 and 3. */
#ifndef STAGES_DEPLOY_ROUTING_ROUTER_H
#define STAGES_DEPLOY_ROUTING_ROUTER_H

#include "stages/deploy/routing_segment.h"
#include "stages/deploy/routing.h"

/* Labels of Traefik 1 as routers, service and middlewares, appended to `out`. A router answers either TLS or plain
 * requests, so there are two where both are wanted. */
int routing_segment_translate(const struct routing_from *from, const struct routing_segment *segment, struct strvec *out,
                              struct err *e);
/* What every Traefik looks at first: the rule's text as it is, and the priority of Traefik 1. */
int routing_segment_priority(const struct routing_from *from, const struct routing_segment *segment, int64_t *out,
                             struct err *e);
/* The backend's name: the container's own, or one that it shares. */
char *routing_segment_backend(const struct routing_from *from, const struct routing_segment *segment);

#endif
