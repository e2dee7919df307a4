/* stages/deploy/wire.h: what `deploy-master` in a job and its host say to each other over the job's socket.
 *
 * Both sides speak in frames: a kind (one byte), a length (four bytes, the most significant first), that many bytes.
 * A request is one frame for each of its fields, in any order, and WIRE_DONE. The answer is any number of WIRE_OUT
 * and WIRE_ERR, and WIRE_EXIT. A client that closes before that wants no more of it.
 *
 * The client is a static program for any image, so nothing here needs more than the C library. What comes from a
 * job is hostile: every field has its limit, and is there once. */
#ifndef STAGES_DEPLOY_WIRE_H
#define STAGES_DEPLOY_WIRE_H

#include "base/strbuf.h"

#include <stdbool.h>
#include <stddef.h>

#define WIRE_PARENT   "/run/atelier"
#define WIRE_FOLDER   WIRE_PARENT "/deploy" /* in the job's container: this job's alone */
#define WIRE_SOCKET   "socket"              /* in that folder */
#define WIRE_VERSION  "1"
#define WIRE_TEXT_MAX ((size_t)1 << 20) /* a compose file */
/* The longest request, and the longest line of an answer. */
#define WIRE_REQUEST_MAX (WIRE_TEXT_MAX + 8192)
#define WIRE_LINE_MAX    ((size_t)64 << 10)

enum wire_kind {
    WIRE_PROTOCOL = 'v', /* of a request: WIRE_VERSION */
    WIRE_ACTION = 'a',   /* a word of wire_actions */
    WIRE_TARGET = 't',
    WIRE_FILE = 'f',     /* the compose file's name, for messages */
    WIRE_TEXT = 'c',     /* its bytes */
    WIRE_RELEASE = 'r',  /* a number, for a rollback */
    WIRE_DONE = '.',
    WIRE_OUT = 'o', /* of an answer: bytes for stdout */
    WIRE_ERR = 'e', /* for stderr */
    WIRE_EXIT = 'x', /* the exit code, a decimal number */
};

enum wire_action { WIRE_UP, WIRE_DRY_RUN, WIRE_ROLLBACK, WIRE_RELEASES, WIRE_ACTIONS };
extern const char *const wire_actions[WIRE_ACTIONS];

struct wire_frame {
    enum wire_kind kind;
    const char *data; /* borrowed, not ended by a NUL */
    size_t len;
};

/* Listen on the socket in `folder`, which ends with "/", or is "" for the current one: a stream with these flags, where
 * each user may knock. It has its name from then on, and not before: a client tries again only where nobody listens. What
 * one that was killed left is replaced. -1 with errno. */
int wire_listen(const char *folder, int flags);

/* Append one frame; at most WIRE_REQUEST_MAX bytes of data. */
void wire_put(struct strbuf *out, enum wire_kind kind, const void *data, size_t len);
/* The frame at the beginning of `data`: how many bytes it takes; 0: not all of it is here; -1: longer than `most`. */
long wire_get(const char *data, size_t len, size_t most, struct wire_frame *out);

struct wire_request {
    enum wire_action action;
    char *target;
    char *file;     /* WIRE_UP and WIRE_DRY_RUN alone have it, and the text; else NULL */
    char *text;     /* followed by a NUL */
    size_t len;
    int release;    /* 0: the one before */
};

/* Append a whole request. */
void wire_request_put(struct strbuf *out, const struct wire_request *q);
/* Read one that begins at `data`: 1 when all of it was here; 0 when there is more to come; -1 when it will never be
 * a request, and *why says so in words of our own. */
int wire_request_get(const char *data, size_t len, struct wire_request *out, const char **why);
void wire_request_release(struct wire_request *q);

/* A number from 0 to `max` as a field has it; -1: it is none. */
int wire_number(const char *data, size_t len, int max);

#endif
