/* engine/exec.h: a process in a running container. */
#ifndef ENGINE_EXEC_H
#define ENGINE_EXEC_H

#include "engine/engine.h"
#include "engine/stream.h"

struct exec_size {
    unsigned rows, columns;
};

struct exec_spec {
    const struct strvec *argv;
    const struct strvec *env; /* KEY=value beside the container's own; NULL: none */
    const char *user;         /* NULL: the container's */
    const char *dir;          /* NULL: the container's */
    http_source_fn *input;    /* what it reads on stdin, may have nothing now (http_later()); NULL: no stdin */
    void *input_ctx;
    bool tty;              /* on a terminal of its own: all its output is STREAM_STDOUT */
    struct exec_size size; /* of that terminal at first; daemons before 23.0 want exec_resize() */
    char **id;             /* gets its id before it starts, the caller's; NULL: nobody asks */
    stream_sink_fn *sink;  /* its output */
    void *sink_ctx;
    const char *talker; /* what errors call one that keeps its output open to its end, so that an earlier end of that is a
                         * lost connection; NULL: it may close its output and work on */
    bool *cut;          /* of such a one: whether some of its output may be lost though it ended; NULL: nobody asks */
    const struct engine_watch *watch;
};

/* POST /containers/ID/exec and /exec/ID/start, the stream carried to its end,
 * then GET /exec/ID/json until the process has ended, which may be later than its
 * output: *code is the exit code. The process reads the end of its stdin after
 * `input` has ended. The watch's tick is also called while waiting for that end,
 * and then may come earlier than it asked for.
 * A talker whose connection was lost and that has not ended some seconds later, by all that the daemon then says, is
 * ERR_SYSTEM: nobody will hear of its end.
 * ERR_JOB: the container has no such program, user or folder; what the daemon says
 * of that also went to the sink. ERR_CONFLICT: the container does not run.
 * ERR_NOT_FOUND: it is gone. */
int exec_run(struct engine *d, const char *container, const struct exec_spec *spec, int *code, struct err *e);
/* POST /exec/ID/resize: its terminal's size. Waits for its start, and fails when it has ended. */
int exec_resize(struct engine *d, const char *id, const struct exec_size *size, struct err *e);
/* Start it detached: returns at once, nobody hears of its output or its code. */
int exec_detached(struct engine *d, const char *container, const struct exec_spec *spec, struct err *e);

#endif
