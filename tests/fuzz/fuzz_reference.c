/* A name that is taken has a host and a path, fits into one line, and means the same when written out in full. */
#include "engine/registry_auth.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

/* The host in upper case: it means the same, and without it "REGISTRY/app" would become a user of the Hub. */
static char *in_full(const struct image_reference *r)
{
    char *full = xasprintf("%s/%s%s%s%s%s", r->host, r->path, r->tag ? ":" : "", r->tag ? r->tag : "",
                           r->digest ? "@" : "", r->digest ? r->digest : "");
    for (char *c = full; *c != '/'; c++)
        *c = (char)toupper((unsigned char)*c);
    return full;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    auto_free char *name = xstrndup((const char *)data, size);
    auto_image_reference r = { 0 }, again = { 0 };
    if (image_reference_parse(name, &r, NULL) < 0)
        return 0;
    auto_free char *full = in_full(&r);
    if (!*r.host || !*r.path || strpbrk(full, " \t\r\n?#%") || strstr(r.host, "..") || strstr(r.path, ".."))
        abort();
    if (image_reference_parse(full, &again, NULL) < 0 || !same(r.host, again.host) ||
        !same(r.path, again.path) || !same(r.tag, again.tag) || !same(r.digest, again.digest))
        abort();
    return 0;
}
