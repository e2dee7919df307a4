/* engine/make.h: networks and containers, made side by side. */
#ifndef ENGINE_MAKE_H
#define ENGINE_MAKE_H

#include "engine/engine.h"

struct make {
    const char *name;     /* NULL: a container that the daemon shall name */
    const char *platform; /* of a container; NULL: the daemon's */
    const json_t *config; /* a container's body, as for container_create(); NULL: this is a network, */
    const json_t *labels; /* which bears these */
    char *id;             /* gets it; the caller's */
};

/* Make all of them, each as container_create() and network_create() do; errs[i] tells of each; -1 if any failed.
 * One may name another: Docker looks for a container's network, or for the container whose network it shares, when it
 * starts. Podman looks at once, so what failed is worth another try when the rest is there. */
int make_all(struct engine *d, struct make *all, struct err *errs, size_t n);

#endif
