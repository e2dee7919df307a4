#include "stages/pipeline/slug.h"

#include "base/digest.h"
#include "base/memory.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

#define NAME_MAX_BYTES   ((size_t)63) /* a DNS label */
#define ENVIRONMENT_MAX  24           /* a Kubernetes label of OpenShift's */
#define ENVIRONMENT_KEEP 17
#define SUFFIX_DIGITS    6

static char slugged(unsigned char c)
{
    return c < 0x80 && isalnum(c) ? (char)tolower(c) : '-';
}

static void strip_end(char *slug)
{
    size_t len = strlen(slug);

    while (len > 0 && slug[len - 1] == '-')
        slug[--len] = '\0';
}

char *slug_name(const char *text)
{
    char *slug = xstrndup(text, NAME_MAX_BYTES);

    for (char *p = slug; *p; p++)
        *p = slugged((unsigned char)*p);
    strip_end(slug);
    size_t start = strspn(slug, "-");
    memmove(slug, slug + start, strlen(slug + start) + 1);
    return slug;
}

/* The last digits, to the base 36, of the name's SHA-256 taken as one number. */
static void suffix_of(const char *name, char out[SUFFIX_DIGITS + 1])
{
    static const uint64_t modulus = 2176782336; /* 36 to the 6th: only those digits matter */
    unsigned char digest[DIGEST_BYTES];
    uint64_t number = 0;

    digest_sha256(name, digest);
    for (size_t i = 0; i < sizeof(digest); i++)
        number = (number * 256 + digest[i]) % modulus;
    out[SUFFIX_DIGITS] = '\0';
    for (int i = SUFFIX_DIGITS; i-- > 0; number /= 36)
        out[i] = "0123456789abcdefghijklmnopqrstuvwxyz"[number % 36];
}

/* Each run of - becomes one. */
static void squeeze(char *slug)
{
    char *to = slug;

    for (const char *from = slug; *from; from++)
        if (*from != '-' || to == slug || to[-1] != '-')
            *to++ = *from;
    *to = '\0';
}

char *slug_environment(const char *name)
{
    char first = slugged((unsigned char)*name);
    auto_free char *slug = xasprintf("%s%s", first >= 'a' && first <= 'z' ? "" : "env-", name);
    char suffix[SUFFIX_DIGITS + 1];

    for (char *p = slug; *p; p++)
        *p = slugged((unsigned char)*p);
    squeeze(slug);
    if (strcmp(slug, name) == 0 && strlen(slug) <= ENVIRONMENT_MAX) {
        strip_end(slug);
        return take(&slug);
    }
    suffix_of(name, suffix);
    size_t len = strlen(slug) < ENVIRONMENT_KEEP ? strlen(slug) : ENVIRONMENT_KEEP;
    return xasprintf("%.*s%s%s", (int)len, slug, len > 0 && slug[len - 1] == '-' ? "" : "-", suffix);
}
