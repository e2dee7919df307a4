/* executor/way.h: how a script reaches the container that it belongs in: straight to the container's first process
 * (executor/direct.h), or through the daemon.
 *
 * The daemon is asked for nothing as long as the first of these works. */
#ifndef EXECUTOR_WAY_H
#define EXECUTOR_WAY_H

#include "base/strvec.h"
#include "executor/direct.h"
#include "executor/host.h"

struct way {
    const struct invocation *in; /* these three are borrowed */
    const struct host *host;
    const char *role;            /* the container's: "build" or "helper" */
    struct direct direct;        /* open: the script goes there */
    struct engine *engine;       /* NULL: nothing was asked of the daemon yet */
    char *container;             /* its id and its image's name, when the daemon was asked */
    char *image;
    struct strvec entrypoint;    /* that is put before the shell, as far as the daemon was asked */
    bool running;                /* as the daemon said */
    bool is_ours;                /* its first process is atelier-init, it said */
};

#define WAY_INIT(in_, host_, role_) \
    { .in = (in_), .host = (host_), .role = (role_), .direct = DIRECT_INIT, .entrypoint = STRVEC_INIT }

/* Find it, and start a container that does not run (yet, or any more). ERR_JOB: no script can run in its image. */
int way_find(struct way *w, struct err *e);

/* Ask the daemon for the container, once. On the direct way when something goes wrong. */
int way_reach(struct way *w, struct err *e);

bool way_is_build(const struct way *w);
void way_release(struct way *w);

#endif
