/* base/strbuf.h: growing bytes with a limit.
 *
 * The limit is part of the buffer's creation, so that nobody forgets it for data
 * that a job, a daemon or a network controls. The bytes are always followed by
 * a NUL that does not count. A failed append leaves the buffer as it was. */
#ifndef BASE_STRBUF_H
#define BASE_STRBUF_H

#include "base/memory.h"

#include <stdarg.h>
#include <stdbool.h>

struct strbuf {
    char *data; /* NULL until the first append; see strbuf_text() */
    size_t len;
    size_t size; /* allocated */
    size_t max;  /* the most bytes it may hold */
};

#define STRBUF_INIT(limit) { NULL, 0, 0, (limit) }
/* For text that we ourselves make from pieces that are bounded already. */
#define STRBUF_TEXT STRBUF_INIT((size_t)64 << 20)

/* Append. -1 (and no change) when the limit would be passed. */
int strbuf_add(struct strbuf *b, const void *data, size_t len) MUST_CHECK;

/* Append text of our own making; passing the limit is a broken promise and aborts. */
void strbuf_puts(struct strbuf *b, const char *s);
void strbuf_putc(struct strbuf *b, char c);
void strbuf_putn(struct strbuf *b, const char *s, size_t len);
void strbuf_printf(struct strbuf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);

const char *strbuf_text(const struct strbuf *b); /* borrowed, never NULL */
char *strbuf_take(struct strbuf *b);             /* the caller's to free, never NULL; empty afterwards */
void strbuf_drop(struct strbuf *b, size_t n);    /* the first n bytes leave */
void strbuf_clear(struct strbuf *b);             /* keeps the memory and the limit */
void strbuf_release(struct strbuf *b);           /* reusable afterwards */

#define auto_strbuf __attribute__((cleanup(strbuf_release))) struct strbuf

#endif
