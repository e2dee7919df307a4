/* executor/mark.h: proof that an image's ENTRYPOINT started the shell that it was given.
 *
 * An ENTRYPOINT that ignores its command would give a green job that ran nothing.
 * So the runner's first act in the container is to print a secret mark on stdout;
 * the mark is taken out of the stream here, wherever it is cut. */
#ifndef EXECUTOR_MARK_H
#define EXECUTOR_MARK_H

#include "base/err.h"

#include <stdbool.h>

#define MARK_LEN 25 /* \x01 and 24 hexadecimal digits */

struct mark {
    char text[MARK_LEN + 2]; /* followed by the newline that the shell adds */
    unsigned matched;        /* bytes of it held back */
    bool seen;
};

/* Draw a new one from the kernel's random numbers. */
int mark_init(struct mark *m, struct err *e);
/* What the shell is given: the mark without its first byte and its newline, which
 * the shell adds, so that an ENTRYPOINT that prints its command does not print the
 * mark. The caller's. */
char *mark_word(const struct mark *m);

typedef int mark_sink_fn(void *ctx, const char *data, size_t len, struct err *e);

/* Pass the stream on without the mark. After it was seen all passes untouched. */
int mark_filter(struct mark *m, const char *data, size_t len, mark_sink_fn *sink, void *ctx, struct err *e);
/* The stream has ended: what was held back was not the mark. */
int mark_finish(struct mark *m, mark_sink_fn *sink, void *ctx, struct err *e);

#endif
