/* base/http_exchange.h: one HTTP exchange while it is under way. For http.c alone:
 * http.c owns the connections and the waiting, this the request and its answer. */
#ifndef BASE_HTTP_EXCHANGE_H
#define BASE_HTTP_EXCHANGE_H

#include "base/http.h"
#include "base/http_library.h"

#include <poll.h>

struct exchange {
    const struct http_library *curl;
    const struct http_origin *origin;
    const struct http_request *q;
    struct http_response *r;
    struct err *e;

    CURL *easy;
    struct curl_slist *headers;
    char why[CURL_ERROR_SIZE];
    CURLcode setup;      /* the first option that libcurl refused */
    bool listed;         /* libcurl has it under way */
    bool over, failed;   /* failed: the error is in e */
    bool answered;       /* the header of the final status is here */
    size_t header_bytes; /* of the answer */

    /* The bytes that go out through on_read: `body` first and `after` later, or `source`. */
    curl_socket_t socket; /* -1 until there is one */
    size_t body_sent;
    size_t room;           /* how much of `after` may go out now */
    bool paused;           /* libcurl asked for bytes and was told to wait */
    int input;             /* what `after` waits for; -1: it has something, as far as is known */
    bool after_over;       /* there is no more of `after`, or nobody who reads it */
    curl_off_t after_sent; /* handed to libcurl */
    bool half_closed;

    int64_t started, tick_at; /* clock_ms(); tick_at -1: never */
    int64_t moved_at;         /* when a byte last went either way */
    bool moved, woken;
    curl_off_t uploaded;
};

/* Set an option of x->easy, unless one before it was refused. */
#define SET(x, option, value)                                                                      \
    do {                                                                                           \
        if (!(x)->setup)                                                                           \
            (x)->setup = (x)->curl->easy_setopt((x)->easy, option, value);                         \
    } while (0)

/* Where it goes and how: address, proxies, certificates, signature (http_origin.c). */
void exchange_set_origin(struct exchange *x);
/* Prepare x->easy. The five borrowed members are set by the caller, all else is zero. */
int exchange_open(struct exchange *x);
/* libcurl says that it is over. */
void exchange_finish(struct exchange *x, CURLcode result);
/* End it with an error of our own. */
void exchange_fail(struct exchange *x);

/* What is due now: a tick, the next bytes of `after`, a deadline. */
void exchange_tick(struct exchange *x);
void exchange_advance(struct exchange *x);
/* Milliseconds until one of them is due; at most `most`. */
int64_t exchange_due(const struct exchange *x, int64_t most);

/* The descriptors that it waits for besides libcurl's; fd -1 for none. */
enum { EXCHANGE_WAKE, EXCHANGE_SOCKET, EXCHANGE_INPUT, EXCHANGE_FDS };
void exchange_watch(const struct exchange *x, struct pollfd fds[EXCHANGE_FDS]);
void exchange_woken(struct exchange *x, const struct pollfd fds[EXCHANGE_FDS]);

void exchange_release(struct exchange *x);

#endif
