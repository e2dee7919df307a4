/* base/http.h: HTTP over libcurl: the one wrapper that owns it.
 *
 * A client is one origin ("unix:///var/run/docker.sock", "tcp://host:2375", with
 * or without TLS) and keeps its connection. Every exchange has deadlines, and a
 * transport failure and a refused connection become one kind of error
 * (ERR_SYSTEM), so that callers have one branch. HTTP statuses are results, not
 * errors: the caller knows what a 404 means. */
#ifndef BASE_HTTP_H
#define BASE_HTTP_H

#include "base/err.h"
#include "base/strbuf.h"
#include "base/strvec.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct http; /* opaque: a client of one origin */

/* What libcurl says of itself, the caller's; it is loaded when the first client is opened. */
char *http_library_version(void);

/* For a process that will have no client with TLS, before it opens the first one: what OpenSSL otherwise gets ready for
 * that (names of all ciphers and digests, texts of all errors, its configuration file) is 1.3 MB. */
void http_without_tls(void);

struct http_origin {
    const char *unix_socket; /* path; NULL for TCP */
    const char *base;        /* "http://docker" or "https://host:2376", no trailing slash */
    const char *ca_file;     /* TLS; NULL: the system's. Given with verify = true */
    const char *more_ca;     /* a file of authorities beside the system's; NULL: none. Not with ca_file */
    const char *cert_file;   /* client certificate, or NULL */
    const char *key_file;
    bool verify;             /* check the server's certificate and name */
    const char *user_agent;
    int64_t connect_ms;      /* to connect, 0: 10 s */
    bool proxies;            /* by way of those that the environment names (http_proxy, no_proxy, ...) */
};

/* Called while an exchange is under way: once at its start, and then whenever
 * `wake_fd` is readable (or hung up) and whenever the time in *next_ms has passed.
 * It may make other exchanges, on another client. It writes the time until it wants
 * to be called again, -1 for never. A negative return ends the exchange with the
 * error that it set. */
typedef int http_tick_fn(void *ctx, int64_t *next_ms, struct err *e);

/* Gets each piece of the body as it arrives. A negative return ends the exchange
 * with the error that it set. */
typedef int http_data_fn(void *ctx, const char *data, size_t len, struct err *e);

/* Gives the next piece of a request body: fills at most `size` bytes, returns how
 * many, 0 at the end, -1 with an error set. That of `after` may also answer
 * http_later(fd): nothing now, ask again when `fd` is readable or hung up. */
typedef ssize_t http_source_fn(void *ctx, char *buf, size_t size, struct err *e);

static inline ssize_t http_later(int fd)
{
    return -2 - (ssize_t)fd;
}

struct http_request {
    const char *method; /* "GET", "POST", "PUT", "DELETE", "HEAD" */
    const char *path;   /* "/v1.41/containers/json?all=1", percent-encoded already */
    const struct strvec *headers; /* "Name: value", or NULL */
    const char *content_type;     /* of the body, or NULL */

    const void *body; /* sent with its Content-Length; borrowed. NULL: none */
    size_t body_len;

    /* A streamed body instead of `body`: in chunks (PUT archive, load), or with its
     * Content-Length when that is known. One that ends before is an error. */
    http_source_fn *source;
    void *source_ctx;
    int64_t source_len; /* 0: unknown */

    /* Bytes sent after `body` once the answer's header has arrived, outside of its
     * Content-Length: the standard input of a connection that the daemon took over
     * (Docker Engine API, "Attach to a container": hijacking). Its end is the peer's
     * end of file. Nothing is sent to a peer that refuses (status >= 300), and a peer
     * that closes with some of it unread ends its stream without an error: ask the
     * daemon how the thing ended. Works with and without "Connection: Upgrade". */
    http_source_fn *after;
    void *after_ctx;

    int64_t timeout_ms; /* for all of it; 0: none (a stream, ended by its peer or by `tick`) */
    int64_t idle_ms;    /* without a byte either way; 0: none */

    http_data_fn *on_data; /* bodies of 2xx and 101 answers; NULL: into response->body */
    void *data_ctx;

    http_tick_fn *tick; /* NULL: none */
    void *tick_ctx;
    int wake_fd;        /* -1: none. Give 0 only with tick == NULL */
};

struct http_response {
    int status;
    struct strbuf body;    /* what on_data did not take; at most its max */
    struct strvec headers; /* "name: value", names in lower case */
};

/* At most 16 MiB of an answer are kept, a daemon's largest listings fit. */
#define HTTP_RESPONSE_INIT { 0, STRBUF_INIT((size_t)16 << 20), STRVEC_INIT }

int http_open(const struct http_origin *origin, struct http **out, struct err *e);
void http_close(struct http *h); /* NULL is fine */

/* One exchange. `r` must be fresh or released. */
int http_exchange(struct http *h, const struct http_request *q, struct http_response *r, struct err *e);
/* n exchanges side by side, each on a connection of its own. Every one is
 * carried to its end; errs[i] tells of each, and the result is -1 if any failed. */
int http_exchange_all(struct http *h, const struct http_request *q, struct http_response *r,
                      struct err *errs, size_t n);

/* A header's value, borrowed, NULL when there is none. `name` in lower case. */
const char *http_header(const struct http_response *r, const char *name);
/* Append `text` percent-encoded (all but unreserved characters). */
void http_encode(struct strbuf *out, const char *text);
void http_response_release(struct http_response *r);

static inline void http_closep(struct http **h)
{
    http_close(*h);
}
#define auto_http          __attribute__((cleanup(http_closep))) struct http
#define auto_http_response __attribute__((cleanup(http_response_release))) struct http_response

#endif
