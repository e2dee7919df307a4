/* cache/helper/add_mask.h: output whose lines `::add-mask::VALUE` say what is a secret from there on (contract 3.9). */
#ifndef CACHE_HELPER_ADD_MASK_H
#define CACHE_HELPER_ADD_MASK_H

#include "base/mask.h"

#include <stdbool.h>

/* Told a new secret, which is to go into `mask`, and those of other streams. */
typedef void add_mask_fn(void *ctx, const char *value);

struct add_mask {
    struct mask mask;
    struct strbuf begun; /* of a line that may become such a one */
    bool in_line;        /* what follows belongs to a line that is none */
    add_mask_fn *on_value;
    void *ctx;
};

#define ADD_MASK_INIT(fn, fn_ctx) { MASK_INIT, STRBUF_TEXT, false, (fn), (fn_ctx) }

/* Append to `out` what may be shown of the stream so far. Nothing waits for the end of an ordinary line. */
void add_mask_feed(struct add_mask *a, const char *data, size_t len, struct strbuf *out);
/* The stream has ended: append what was held back. */
void add_mask_flush(struct add_mask *a, struct strbuf *out);
void add_mask_release(struct add_mask *a);

#endif
