#include "base/http_library.h"

#include "base/http.h"

#include <dlfcn.h>
#include <string.h>

/* The name that its binary interface has had since 2006. */
#define NAME "libcurl.so.4"

static int fail(struct err *e)
{
    const char *why = dlerror();

    return err_set(e, ERR_SYSTEM, 0, "load libcurl: %s; install the package that has " NAME, why ? why : NAME);
}

/* A function's address comes as a pointer to data, which POSIX makes good and C does not. */
static bool find(void *library, const char *name, void *member)
{
    void *address = dlsym(library, name);

    memcpy(member, &address, sizeof(address));
    return address != NULL;
}

int http_library_load(struct http_library *out, struct err *e)
{
    void *library = dlopen(NAME, RTLD_NOW | RTLD_LOCAL);

    if (!library)
        return fail(e);
#define X(call)                                                                                                       \
    if (!find(library, "curl_" #call, &out->call))                                                                    \
        return fail(e);
    HTTP_LIBRARY_CALLS(X)
#undef X
    return 0;
}

char *http_library_version(void)
{
    struct http_library curl;

    return xstrdup(http_library_load(&curl, NULL) == 0 ? curl.version() : "no libcurl");
}
