/* base/memory.h: memory that is there or the program ends, and cleanup by scope.
 *
 * The program is short-lived and caps what comes from outside (strbuf limits),
 * so running out of memory is not an error that callers handle: x*alloc print
 * one line and abort. */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))
#define MUST_CHECK        __attribute__((warn_unused_result))
#define ARRAY_SIZE(a)     (sizeof(a) / sizeof((a)[0]))

void *xmalloc(size_t size);
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t size);
void *xreallocarray(void *p, size_t n, size_t size);
char *xstrdup(const char *s); /* NULL stays NULL */
char *xstrndup(const char *s, size_t n);
char *xasprintf(const char *fmt, ...) PRINTF_LIKE(1, 2);
char *xvasprintf(const char *fmt, va_list ap) PRINTF_LIKE(1, 0);

/* Scope cleanup: declare with a value, so that there is always something to look at. */
static inline void cleanup_free(void *p)
{
    free(*(void **)p);
}
static inline void cleanup_close(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
}
static inline void cleanup_fclose(FILE **f)
{
    if (*f)
        (void)fclose(*f);
}
/* unused: one may be there for its end alone. */
#define auto_free   __attribute__((cleanup(cleanup_free), unused))
#define auto_close  __attribute__((cleanup(cleanup_close), unused))
#define auto_fclose __attribute__((cleanup(cleanup_fclose), unused))

/* Ownership leaves by one visible word: the variable is NULL (or -1) afterwards. */
#define take(pp)                                                                                   \
    ({                                                                                             \
        __typeof__(*(pp)) taken_ = *(pp);                                                          \
        *(pp) = NULL;                                                                              \
        taken_;                                                                                    \
    })
#define take_fd(pp)                                                                                \
    ({                                                                                             \
        int taken_ = *(pp);                                                                        \
        *(pp) = -1;                                                                                \
        taken_;                                                                                    \
    })

#endif
