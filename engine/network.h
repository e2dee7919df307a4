/* engine/network.h: networks. */
#ifndef ENGINE_NETWORK_H
#define ENGINE_NETWORK_H

#include "engine/engine.h"

/* POST /networks/create, a bridge. *id is the caller's. Docker allows several of
 * one name; the daemon is asked to refuse (ERR_CONFLICT). */
int network_create(struct engine *d, const char *name, const json_t *labels, char **id, struct err *e);
/* GET /networks/NAME; a new reference. ERR_NOT_FOUND: there is none. */
int network_inspect(struct engine *d, const char *name, json_t **out, struct err *e);
/* Put a container on one more network, where it is found by these names too (NULL: none). */
int network_connect(struct engine *d, const char *network, const char *container, const struct strvec *aliases,
                    struct err *e);
/* Networks that bear every one of the labels. An array; a new reference. */
int network_list(struct engine *d, const struct strvec *labels, json_t **out, struct err *e);
/* Remove it if no container is in it; ERR_CONFLICT: one is. Gone is fine. */
int network_remove_unused(struct engine *d, const char *id, struct err *e);
/* Take every container off the network, by force, and remove it. Gone is fine. */
int network_remove(struct engine *d, const char *id, struct err *e);

#endif
