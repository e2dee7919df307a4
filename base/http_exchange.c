#include "base/http_exchange.h"

#include "base/clock.h"
#include "base/number.h"
#include "base/text.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

enum {
    HEADERS_MAX = 256 << 10, /* of one answer */
    PIECE = 16 << 10,        /* of `after`; fits into a socket that poll calls writable */
    BUFFER = 32 << 10,       /* libcurl's own, in place of 16 KiB in and 64 KiB out */
    BIG_BUFFER = 256 << 10,  /* the same for whole files */
};

/* --- errors --- */

/* Without the query: it may hold build arguments, and those may be secret. */
static int path_len(const struct http_request *q)
{
    return (int)strcspn(q->path, "?");
}

void exchange_fail(struct exchange *x)
{
    x->failed = true;
    x->over = true;
}

static void fail(struct exchange *x, int code, const char *why)
{
    err_set(x->e, ERR_SYSTEM, code, "%s %.*s: %s", x->q->method, path_len(x->q), x->q->path, why);
    exchange_fail(x);
}

static void fail_late(struct exchange *x, const char *what, int64_t ms)
{
    char text[32];
    auto_free char *why = xasprintf("%s within %s", what, duration_format(ms, text, sizeof(text)));
    fail(x, ETIMEDOUT, why);
}

/* What the reader can do about it. */
static const char *connect_problem(int code)
{
    switch (code) {
    case EACCES:
    case EPERM:
        return "permission denied: this user may not use the socket, is it in the socket's group?";
    case ENOENT:
        return "there is no such socket: is the daemon running?";
    case ECONNREFUSED:
        return "connection refused: is it running?";
    case EAGAIN:
        return "too many connections are waiting: the daemon is overloaded or hangs";
    }
    return strerror(code);
}

static void fail_connect(struct exchange *x, CURLcode result)
{
    const struct http_origin *o = x->origin;
    char text[32];
    long code = 0;
    (void)x->curl->easy_getinfo(x->easy, CURLINFO_OS_ERRNO, &code);
    auto_free char *why = NULL;
    if (result == CURLE_OPERATION_TIMEDOUT)
        why = xasprintf("no answer within %s", duration_format(o->connect_ms, text, sizeof(text)));
    else if (code)
        why = xstrdup(connect_problem((int)code));
    else
        why = text_quote(x->why[0] ? x->why : x->curl->easy_strerror(result));
    err_set(x->e, ERR_SYSTEM, (int)code, "connect to %s%s: %s", o->unix_socket ? "unix://" : "",
            o->unix_socket ? o->unix_socket : o->base, why);
    exchange_fail(x);
}

/* --- what libcurl calls --- */

static bool is_good(int status)
{
    return status / 100 == 2 || status == 101;
}

static size_t on_body(char *data, size_t size, size_t n, void *ctx)
{
    struct exchange *x = ctx;
    size_t len = size * n;
    x->moved = true;
    if (x->q->on_data && is_good(x->r->status)) {
        if (x->q->on_data(x->q->data_ctx, data, len, x->e) < 0) {
            exchange_fail(x);
            return 0;
        }
    } else if (strbuf_add(&x->r->body, data, len) < 0) {
        auto_free char *why = xasprintf("the answer is larger than %zu bytes", x->r->body.max);
        fail(x, EFBIG, why);
        return 0;
    }
    return len;
}

/* "Name:  value\r\n" is kept as "name: value". */
static void keep_header(struct strvec *headers, const char *line, size_t len)
{
    while (len > 0 && isspace((unsigned char)line[len - 1]))
        len--;
    const char *colon = memchr(line, ':', len);
    if (!colon)
        return;
    const char *value = colon + 1, *end = line + len;
    while (value < end && isspace((unsigned char)*value))
        value++;
    char *kept = xasprintf("%.*s: %.*s", (int)(colon - line), line, (int)(end - value), value);
    for (char *c = kept; *c != ':'; c++)
        *c = (char)tolower((unsigned char)*c);
    strvec_give(headers, kept);
}

static size_t on_header(char *line, size_t size, size_t n, void *ctx)
{
    struct exchange *x = ctx;
    size_t len = size * n;
    x->moved = true;
    x->header_bytes += len;
    if (x->header_bytes > HEADERS_MAX) {
        fail(x, EFBIG, "the answer's header is too large");
        return 0;
    }
    if (len >= 5 && !memcmp(line, "HTTP/", 5)) { /* of an interim answer, or of the one that counts */
        long status = 0;
        (void)x->curl->easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
        x->r->status = (int)status;
        strvec_release(&x->r->headers);
    } else if (line[0] == '\r' || line[0] == '\n') {
        x->answered = x->r->status >= 200 || x->r->status == 101;
    } else {
        keep_header(&x->r->headers, line, len);
    }
    return len;
}

static size_t pull(struct exchange *x, http_source_fn *source, void *ctx, char *buf, size_t size)
{
    ssize_t n = source(ctx, buf, size, x->e);
    if (n >= 0)
        return (size_t)n;
    if (n <= http_later(0)) {
        x->input = (int)(http_later(0) - n);
        x->paused = true;
        return CURL_READFUNC_PAUSE;
    }
    exchange_fail(x);
    return CURL_READFUNC_ABORT;
}

/* The request's body, and then `after` as far as there is room for it on the socket. */
static size_t pull_after(struct exchange *x, char *buf, size_t size)
{
    const struct http_request *q = x->q;
    if (x->body_sent < q->body_len) {
        size_t left = q->body_len - x->body_sent, n = left < size ? left : size;
        memcpy(buf, (const char *)q->body + x->body_sent, n);
        x->body_sent += n;
        return n;
    }
    if (x->after_over)
        return 0;
    if (x->room == 0) {
        x->paused = true;
        return CURL_READFUNC_PAUSE;
    }
    size_t n = pull(x, q->after, q->after_ctx, buf, x->room < size ? x->room : size);
    if (n == CURL_READFUNC_ABORT || n == CURL_READFUNC_PAUSE)
        return n;
    x->room -= n;
    x->after_sent += (curl_off_t)n;
    x->after_over = n == 0;
    return n;
}

static size_t on_read(char *buf, size_t size, size_t n, void *ctx)
{
    struct exchange *x = ctx;
    if (x->q->source)
        return pull(x, x->q->source, x->q->source_ctx, buf, size * n);
    return pull_after(x, buf, size * n);
}

/* CURLINFO_ACTIVESOCKET would be simpler, but it is silent until the exchange is over. */
static int on_socket(void *ctx, curl_socket_t fd, curlsocktype purpose)
{
    struct exchange *x = ctx;
    (void)purpose;
    x->socket = fd;
    return CURL_SOCKOPT_OK;
}

/* --- the request --- */

static void set_answer(struct exchange *x)
{
    SET(x, CURLOPT_BUFFERSIZE, (long)BUFFER);
    SET(x, CURLOPT_ERRORBUFFER, x->why);
    SET(x, CURLOPT_PRIVATE, x);
    SET(x, CURLOPT_WRITEFUNCTION, on_body);
    SET(x, CURLOPT_WRITEDATA, x);
    SET(x, CURLOPT_HEADERFUNCTION, on_header);
    SET(x, CURLOPT_HEADERDATA, x);
}

static void add_header(struct exchange *x, const char *line)
{
    struct curl_slist *longer = x->curl->slist_append(x->headers, line);
    if (longer)
        x->headers = longer;
    else
        x->setup = CURLE_OUT_OF_MEMORY;
}

static void set_headers(struct exchange *x)
{
    const struct http_request *q = x->q;
    add_header(x, "Expect:"); /* no waiting for a "100 Continue" that no daemon sends */
    auto_free char *type = xasprintf("Content-Type:%s%s", q->content_type ? " " : "",
                                     q->content_type ? q->content_type : "");
    add_header(x, type); /* an empty one keeps libcurl from making one up */
    for (size_t i = 0; q->headers && i < q->headers->n; i++)
        add_header(x, q->headers->items[i]);
    if (q->after) {
        auto_free char *length = xasprintf("Content-Length: %zu", q->body_len);
        add_header(x, length);
        add_header(x, "Transfer-Encoding:"); /* an empty one: not chunked, though libcurl knows no end */
    }
    SET(x, CURLOPT_HTTPHEADER, x->headers);
}

static void set_body(struct exchange *x)
{
    const struct http_request *q = x->q;
    if (q->source || q->after) {
        SET(x, CURLOPT_UPLOAD, 1L);
        SET(x, CURLOPT_UPLOAD_BUFFERSIZE, (long)(q->source_len > 0 ? BIG_BUFFER : BUFFER));
        if (q->source && q->source_len > 0)
            SET(x, CURLOPT_INFILESIZE_LARGE, (curl_off_t)q->source_len);
        SET(x, CURLOPT_READFUNCTION, on_read);
        SET(x, CURLOPT_READDATA, x);
        /* libcurl repeats a request when a kept connection turns out to be dead; these cannot be. */
        SET(x, CURLOPT_FRESH_CONNECT, 1L);
        SET(x, CURLOPT_FORBID_REUSE, q->after ? 1L : 0L);
        SET(x, CURLOPT_SOCKOPTFUNCTION, on_socket);
        SET(x, CURLOPT_SOCKOPTDATA, x);
        /* One address after the other: then the last socket is the one that connected. */
        SET(x, CURLOPT_HAPPY_EYEBALLS_TIMEOUT_MS, (long)x->origin->connect_ms);
    } else if (q->body || !strcmp(q->method, "POST") || !strcmp(q->method, "PUT")) {
        SET(x, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)q->body_len);
        SET(x, CURLOPT_POSTFIELDS, q->body ? q->body : "");
    } else if (!strcmp(q->method, "HEAD")) {
        SET(x, CURLOPT_NOBODY, 1L);
    }
    SET(x, CURLOPT_CUSTOMREQUEST, q->method);
}

int exchange_open(struct exchange *x)
{
    x->started = x->moved_at = x->tick_at = clock_ms();
    if (!x->q->tick)
        x->tick_at = -1;
    x->socket = x->input = -1;
    x->easy = x->curl->easy_init();
    if (!x->easy)
        x->setup = CURLE_FAILED_INIT;
    exchange_set_origin(x);
    set_answer(x);
    set_body(x);
    set_headers(x);
    if (!x->setup)
        return 0;
    fail(x, (int)x->setup, x->curl->easy_strerror(x->setup));
    return -1;
}

void exchange_release(struct exchange *x)
{
    x->curl->easy_cleanup(x->easy);
    x->curl->slist_free_all(x->headers);
}

/* --- its end --- */

void exchange_finish(struct exchange *x, CURLcode result)
{
    bool cut = result == CURLE_SEND_ERROR || result == CURLE_RECV_ERROR;
    x->over = true;
    if (x->failed) /* by a callback, and libcurl only repeats that */
        return;
    if (result == CURLE_OK && x->answered)
        return;
    /* A peer that closes with bytes of `after` unread resets the connection. It
     * has had enough of them; that is an ordinary end of its stream. */
    if (cut && x->answered && x->q->after)
        return;
    switch (result) {
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_OPERATION_TIMEDOUT: /* every other deadline is our own */
        fail_connect(x, result);
        return;
    case CURLE_OK:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
        fail(x, (int)result, x->answered ? "the connection was closed in the middle of the answer"
                                         : "the connection was closed without an answer");
        return;
    default:
        break;
    }
    auto_free char *why = text_quote(x->why[0] ? x->why : x->curl->easy_strerror(result));
    fail(x, (int)result, why);
}

/* --- what is due --- */

void exchange_tick(struct exchange *x)
{
    if (!x->q->tick || !(x->woken || (x->tick_at >= 0 && clock_ms() >= x->tick_at)))
        return;
    int64_t next = -1;
    x->woken = false;
    if (x->q->tick(x->q->tick_ctx, &next, x->e) < 0)
        exchange_fail(x);
    x->tick_at = next < 0 ? -1 : clock_ms() + next;
}

static bool wants_after(const struct exchange *x)
{
    return x->q->after && x->answered && is_good(x->r->status);
}

/* Our end of input is the peer's end of file. libcurl has no word for closing one
 * direction, so it is done under it, once it has sent all that it was given. */
static void half_close(struct exchange *x)
{
    if (!wants_after(x) || !x->after_over || x->half_closed)
        return;
    if (x->uploaded < (curl_off_t)x->q->body_len + x->after_sent)
        return;
    (void)shutdown(x->socket, SHUT_WR); /* fails when the peer has closed first */
    x->half_closed = true;
}

void exchange_advance(struct exchange *x)
{
    /* A refused request has no use for `after`: let libcurl see the end of it. */
    if (x->paused && x->answered && !wants_after(x))
        x->after_over = true;
    if (x->paused && ((x->room > 0 && x->input < 0) || x->after_over)) {
        x->paused = false;
        CURLcode result = x->curl->easy_pause(x->easy, CURLPAUSE_CONT);
        if (result)
            exchange_finish(x, result);
    }
    curl_off_t uploaded = 0;
    (void)x->curl->easy_getinfo(x->easy, CURLINFO_SIZE_UPLOAD_T, &uploaded);
    int64_t now = clock_ms();
    if (x->moved || uploaded != x->uploaded)
        x->moved_at = now;
    x->uploaded = uploaded;
    x->moved = false;
    half_close(x);
    if (x->over)
        return;
    if (x->q->timeout_ms > 0 && now >= x->started + x->q->timeout_ms)
        fail_late(x, x->answered ? "the answer did not end" : "no answer", x->q->timeout_ms);
    else if (x->q->idle_ms > 0 && now >= x->moved_at + x->q->idle_ms)
        fail_late(x, "nothing was sent or received", x->q->idle_ms);
}

static int64_t sooner(int64_t most, int64_t at)
{
    int64_t left = at - clock_ms();
    return left < 0 ? 0 : left < most ? left : most;
}

int64_t exchange_due(const struct exchange *x, int64_t most)
{
    if (x->q->timeout_ms > 0)
        most = sooner(most, x->started + x->q->timeout_ms);
    if (x->q->idle_ms > 0)
        most = sooner(most, x->moved_at + x->q->idle_ms);
    if (x->tick_at >= 0)
        most = sooner(most, x->tick_at);
    return most;
}

void exchange_watch(const struct exchange *x, struct pollfd fds[EXCHANGE_FDS])
{
    fds[EXCHANGE_WAKE] = (struct pollfd){ .fd = x->q->tick ? x->q->wake_fd : -1, .events = POLLIN };
    fds[EXCHANGE_SOCKET] = (struct pollfd){ .fd = -1, .events = POLLRDHUP };
    fds[EXCHANGE_INPUT] = (struct pollfd){ .fd = -1, .events = POLLIN };
    if (!x->paused || !wants_after(x))
        return;
    fds[EXCHANGE_SOCKET].fd = x->socket;
    fds[EXCHANGE_INPUT].fd = x->input;
    if (x->input < 0) /* or it would be ready all the time */
        fds[EXCHANGE_SOCKET].events |= POLLOUT;
}

/* `after` goes out only in pieces that the socket is sure to take. Were libcurl
 * given more, a peer that closes early would fail its half-sent buffer, and the
 * rest of the peer's answer, still waiting in the socket, would be lost with it. */
void exchange_woken(struct exchange *x, const struct pollfd fds[EXCHANGE_FDS])
{
    x->woken = fds[EXCHANGE_WAKE].revents != 0;
    if (fds[EXCHANGE_SOCKET].revents & (POLLERR | POLLHUP | POLLRDHUP | POLLNVAL))
        x->after_over = true;
    else if (fds[EXCHANGE_SOCKET].revents & POLLOUT)
        x->room = PIECE;
    if (fds[EXCHANGE_INPUT].revents)
        x->input = -1;
}
