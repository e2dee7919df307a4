/* base/err.h: what went wrong, and whose fault it is.
 *
 * A function that can fail returns a negative number and fills the `struct err`
 * that it was given last. It reports upward or prints, never both; only main and
 * the entry of a hook print. Messages read "context: cause", without a newline
 * and without any secret; each layer adds only what it alone knows (err_wrap). */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "base/memory.h"

enum err_kind {
    ERR_NONE,      /* no error was set */
    ERR_SYSTEM,    /* the host, the daemon or the network: trying again may help */
    ERR_CONFIG,    /* the host's owner wrote something that cannot be accepted */
    ERR_JOB,       /* the job asks for something that it cannot have: its author's to mend */
    ERR_NOT_FOUND, /* not there; often not fatal */
    ERR_CONFLICT,  /* the name is taken, or the thing is in use */
    ERR_CANCELLED, /* we were told to stop (SIGTERM, SIGINT) */
    ERR_USAGE,     /* the command line is wrong */
};

struct err {
    enum err_kind kind;
    int code;  /* errno, HTTP status or CURLcode; 0 when there is none */
    char *msg; /* owned; NULL when there is no error */
};

#define ERR_INIT { ERR_NONE, 0, NULL }

/* Fill `e` (which may be NULL: then nothing is kept) and return -1. An error
 * that was there before is replaced. */
int err_set(struct err *e, enum err_kind kind, int code, const char *fmt, ...) PRINTF_LIKE(4, 5);
/* Put "fmt: " before the message that is there, and return -1. */
int err_wrap(struct err *e, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Take over what `from` holds (`from` is empty afterwards), and return -1. */
int err_move(struct err *to, struct err *from);

/* "" when there is none. */
const char *err_text(const struct err *e);
void err_release(struct err *e); /* empty afterwards; NULL is fine */

#define auto_err __attribute__((cleanup(err_release))) struct err

#endif
