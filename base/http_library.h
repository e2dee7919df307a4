/* base/http_library.h: libcurl, loaded when the first client is opened. For http*.c alone.
 *
 * With the thirty libraries that it brings along it takes 3 ms and 4 MB: a script that goes straight to its container
 * makes no request, and needs none of that. */
#ifndef BASE_HTTP_LIBRARY_H
#define BASE_HTTP_LIBRARY_H

#include "base/err.h"

#include <curl/curl.h>

#define HTTP_LIBRARY_CALLS(X)                                                                                         \
    X(easy_cleanup) X(easy_getinfo) X(easy_init) X(easy_pause) X(easy_setopt) X(easy_strerror) X(global_cleanup)      \
    X(global_init) X(multi_add_handle) X(multi_cleanup) X(multi_info_read) X(multi_init) X(multi_perform)             \
    X(multi_poll) X(multi_remove_handle) X(multi_strerror) X(slist_append) X(slist_free_all) X(version) X(version_info)

/* Its calls by their names without "curl_". */
struct http_library {
#define X(call) __typeof__(curl_##call) *call;
    HTTP_LIBRARY_CALLS(X)
#undef X
};

/* It stays loaded. */
int http_library_load(struct http_library *out, struct err *e);

#endif
