/* executor/fetch.h: the images of a job, on this host, by pull policy. */
#ifndef EXECUTOR_FETCH_H
#define EXECUTOR_FETCH_H

#include "executor/host.h"
#include "stages/plan.h"

/* What a fetch needs of the prepare hook; all borrowed. */
struct fetch {
    const struct invocation *in;
    const struct host *host;
    struct engine *engine;
    const struct log *out; /* the job log's ordinary lines */
    const struct strvec *pulled; /* images that fetch_ahead() has pulled; NULL: none */
};

/* Pull those images of the plan side by side that the first of their policies wants pulled, where there are two or more;
 * their names go to `pulled`. What cannot be pulled so is left to fetch_image(), which tries again and says why. */
int fetch_ahead(const struct fetch *f, const struct plan *plan, struct strvec *pulled, struct err *e);

/* Make the container's image be here, by the policies of the plan in their order,
 * with the credentials for its registry (executor/credentials.h). A registry or network
 * that stumbles is asked three times; a signal ends the wait with ERR_CANCELLED. *image is
 * the daemon's description, a new reference. A registry that refuses is ERR_SYSTEM: what
 * was not pushed yet today is there tomorrow. */
int fetch_image(const struct fetch *f, const struct plan_container *c, json_t **image, struct err *e);

#endif
