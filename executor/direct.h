/* executor/direct.h: a script in a job's container, without the daemon: by the container's atelier-init.
 *
 * Nothing is believed of whoever answers in the container's folder but what concerns that container itself: a job
 * may have put its own socket there. */
#ifndef EXECUTOR_DIRECT_H
#define EXECUTOR_DIRECT_H

#include "base/strvec.h"
#include "engine/engine.h"
#include "executor/direct_output.h"
#include "executor/init/order.h"

struct direct {
    int fd;                   /* -1: there is no such way */
    struct order_hello hello;
    unsigned left;            /* after the end: processes of another user's, which only root can end */
    bool gone;                /* after a failure: the container's first process is */
    struct direct_output output;
};

#define DIRECT_INIT { -1, { 0 }, 0, false, DIRECT_OUTPUT_INIT }

/* Connect to the first process of the container whose folder this is. False when nobody answers there, or one of
 * another version: then nothing has happened. */
bool direct_open(const char *folder, struct direct *out);

/* Whether anybody listens there: the container's first process lives. */
bool direct_is_there(const char *folder);

/* As direct_open, for a container that was started just now: its first process may need a moment. */
bool direct_wait(const char *folder, struct direct *out);

struct direct_script {
    const struct strvec *argv; /* empty: the image's best shell */
    const struct strvec *env;  /* besides the container's */
    http_source_fn *input;     /* all that it reads on stdin */
    void *input_ctx;
    struct mark *mark;         /* that is expected in its output; NULL: none */
    int (*on_mark)(void *ctx, struct err *e); /* it has come */
    struct engine_watch watch; /* its ctx is on_mark's too */
};

/* Run it to its end, and to that of all that it left in the container; its output goes to stdout. ERR_JOB: it cannot
 * be executed there. Another error after the script has begun: `gone` says whether the container's first process is,
 * and with it the container. */
int direct_run(struct direct *d, const struct direct_script *script, int *code, struct err *e);
/* Ask its processes to end in order, while direct_run() works. */
void direct_stop(struct direct *d);
/* Closes the connection: what still runs for it is killed. */
void direct_close(struct direct *d);

#endif
