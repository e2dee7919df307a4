/* base/mask.h: keeps secrets out of a stream of output. */
#ifndef BASE_MASK_H
#define BASE_MASK_H

#include "base/strbuf.h"
#include "base/strvec.h"

/* A secret may arrive in pieces: what could be the beginning of one is held back
 * until it is clear whether it is. */
struct mask {
    struct strvec secrets;
    struct strbuf held;
};

#define MASK_INIT { STRVEC_INIT, STRBUF_TEXT }

/* Empty text and text that is there already are left out. */
void mask_add(struct mask *m, const char *secret);
/* Append to `out` what may be shown of the stream so far, with [MASKED] for each secret. */
void mask_feed(struct mask *m, const char *data, size_t len, struct strbuf *out);
/* The stream has ended: append what was held back. */
void mask_flush(struct mask *m, struct strbuf *out);
/* A whole text at once; the caller's. */
char *mask_text(const struct mask *m, const char *text);
void mask_release(struct mask *m);

#endif
