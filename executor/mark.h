/* executor/mark.h: what the runner in a job's container says to us, within the script's output.
 *
 * An ENTRYPOINT that ignores its command would give a green job that ran nothing.
 * So the runner's first act in the container is to print a secret mark on stdout,
 * and behind it whom it runs as when it wants the build folder; a second mark asks
 * to end processes that it may not end itself (stages/shell.h). Marks are taken out
 * of the stream here, wherever it is cut. A script can print them as well, for what
 * its own container then gets: its folder, and its end. */
#ifndef EXECUTOR_MARK_H
#define EXECUTOR_MARK_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

#define MARK_LEN  25 /* \x01 and 24 hexadecimal digits */
#define MARK_MAX  (MARK_LEN + 33) /* and " UID GID PID", each of at most ten digits */
#define MARK_MOST 2  /* of a stream; what comes later is the script's own */

struct mark {
    char text[MARK_LEN + 1];
    char held[MARK_MAX + 1]; /* what may be the mark, not yet passed on */
    unsigned n;              /* bytes of it */
    unsigned seen;
    bool wants_folder;       /* said by the first one: for uid and gid */
    int64_t uid, gid;
    int64_t pid;             /* of the script's shell, as it said itself; 0: it did not */
};

/* Draw a new one from the kernel's random numbers. */
int mark_init(struct mark *m, struct err *e);
/* What the shell is given: the mark without its first byte, which the shell adds, so
 * that an ENTRYPOINT that prints its command does not print the mark. The caller's. */
char *mark_word(const struct mark *m);

typedef int mark_sink_fn(void *ctx, const char *data, size_t len, struct err *e);

/* Pass the stream on without the marks. */
int mark_filter(struct mark *m, const char *data, size_t len, mark_sink_fn *sink, void *ctx, struct err *e);
/* The stream has ended: what was held back was not the mark. */
int mark_finish(struct mark *m, mark_sink_fn *sink, void *ctx, struct err *e);

#endif
