#include "base/memory.h"

#include <string.h>

/* Nothing here may allocate, so stdio stays out of it. */
static void *checked(void *p)
{
    static const char message[] = "ERROR: out of memory\n";
    if (p)
        return p;
    (void)!write(STDERR_FILENO, message, sizeof(message) - 1);
    abort();
}

/* malloc(0) may answer NULL, which would look like exhaustion: ask for one byte. */
static size_t at_least_one(size_t size)
{
    return size ? size : 1;
}

void *xmalloc(size_t size)
{
    return checked(malloc(at_least_one(size)));
}

void *xcalloc(size_t n, size_t size)
{
    return checked(calloc(at_least_one(n), at_least_one(size)));
}

void *xrealloc(void *p, size_t size)
{
    return checked(realloc(p, at_least_one(size)));
}

void *xreallocarray(void *p, size_t n, size_t size)
{
    return checked(reallocarray(p, at_least_one(n), at_least_one(size)));
}

char *xstrdup(const char *s)
{
    return s ? checked(strdup(s)) : NULL;
}

char *xstrndup(const char *s, size_t n)
{
    return checked(strndup(s, n));
}

char *xasprintf(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    char *text = xvasprintf(fmt, ap);
    va_end(ap);
    return text;
}

char *xvasprintf(const char *fmt, va_list ap)
{
    char *text = NULL;
    if (vasprintf(&text, fmt, ap) < 0)
        text = NULL; /* undefined on failure */
    return checked(text);
}
