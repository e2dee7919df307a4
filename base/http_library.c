#include "base/http_library.h"

#include "base/http.h"

#include <dlfcn.h>
#include <openssl/crypto.h>
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

/* GnuTLS asks this when it is loaded (gnutls.h, GNUTLS_SKIP_GLOBAL_INIT). It comes along for libcurl's LDAP and RTMP,
 * nothing of which is used here, and its start is 0.9 MB; a libcurl that speaks TLS by it starts it itself. */
__attribute__((visibility("default"))) int _gnutls_global_init_skip(void);
int _gnutls_global_init_skip(void)
{
    return 1;
}

void http_without_tls(void)
{
    (void)OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS | OPENSSL_INIT_NO_ADD_ALL_CIPHERS |
                                  OPENSSL_INIT_NO_ADD_ALL_DIGESTS | OPENSSL_INIT_NO_LOAD_CONFIG,
                              NULL); /* a failure only saves nothing */
}

/* Lazily, which is half a millisecond less: most of the libraries' calls to one another are never made. */
int http_library_load(struct http_library *out, struct err *e)
{
    void *library = dlopen(NAME, RTLD_LAZY | RTLD_LOCAL);

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
