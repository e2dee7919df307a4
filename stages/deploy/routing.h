/* stages/deploy/routing.h: labels as the compose file has them -> labels for the target's proxy.
 *
 * Labels of Traefik 1 (`traefik.frontend.rule`, as Factory has them) are passed on to a Traefik 1, and translated for
 * Traefik 2 and 3; labels of Traefik 2 and 3 are passed on to those. Both generations on one container, one that the
 * proxy does not read, and a label that has no translation are ERR_JOB, which names it and says what to do.
 * Labels that are not the proxy's are passed on. Values are what the Engine API gets: no `$` is doubled.
 *
 * Two releases stand side by side (`generation` > 0). So whatever a release defines has its number in its name, and
 *
 *     priority = own priority * ROUTING_SCALE + generation
 *
 * where the own priority is what the label says, else the length of the rule as it was written, as in every Traefik.
 * So a later release's router wins over the earlier one's of the same rule, and never over a router whose own priority
 * is higher: a service that a release leaves as it was keeps its paths. Generations are below ROUTING_SCALE, own
 * priorities at most ROUTING_PRIORITY_MAX, which together stay below what a 64-bit Traefik takes (2^63 - 1000).
 * A release that lowers a service's own priority does not win until the earlier one's containers are gone.
 *
 * What has no route gets `traefik.enable=false`: a proxy may show what does not say so. */
#ifndef STAGES_DEPLOY_ROUTING_H
#define STAGES_DEPLOY_ROUTING_H

#include "base/err.h"
#include "base/strvec.h"
#include "stages/deploy/target.h"

#include <stdbool.h>
#include <stdint.h>

#define ROUTING_SCALE        1000000
#define ROUTING_PRIORITY_MAX INT64_C(1000000000000)

/* All borrowed. */
struct routing_from {
    const struct strvec *labels; /* "key=value" */
    const char *name;            /* of the service, unique on the target; what is not a letter, digit or - becomes - */
    const char *unit;            /* of the environment: containers that share a backend (`traefik.backend`) find it by this */
    enum routing to;
    const struct target *target; /* network, entry points, certificates */
    int64_t generation;          /* the release's number; 0: it is nowhere, and what is passed on stays as it is */
};

/* "key=value", appended to `out`. *routed: the proxy sends requests to this container. An error's text begins with the
 * label that it is about. */
int routing_labels(const struct routing_from *from, struct strvec *out, bool *routed, struct err *e);

/* Of labels some of which are not known yet: ERR_JOB for what is wrong whatever those say. */
int routing_check_part(const struct routing_from *from, struct err *e);

/* Entry points of a target are names of Traefik's configuration. One is for TLS if it is called `https` or `websecure`,
 * or if the target's owner wrote `:tls` behind it.
 * The name is one in a label: `http`, `https`, or the target's own without its mark. */
bool routing_names_tls(const struct target *target, const char *name);

#endif
