#include "cache/transfer/transfer.h"

#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PAUSE_MAX_MS ((int64_t)300000)

static const char *given(const char *text)
{
    return text && *text ? text : NULL;
}

/* Where an owner of runners puts what belongs to one host: "<host>.crt" and the like. NULL: nothing there. */
static char *file_for(const struct url *u, const char *ending)
{
    auto_free char *host = url_host(u);
    const char *home = getenv("HOME");

    if (strchr(host, '/'))
        return NULL;
    char *path = geteuid() == 0 ? xasprintf("/etc/gitlab-runner/certs/%s%s", host, ending)
                                : xasprintf("%s/.gitlab-runner/certs/%s%s", home ? home : "", host, ending);
    if (access(path, R_OK) == 0)
        return path;
    free(path);
    return NULL;
}

/* `is_first`: the server that the caller named, and that is to know who we are. */
static int connect_to(const struct transfer *t, const struct url *u, bool is_first, struct http **out, struct err *e)
{
    auto_free char *authority = file_for(u, ".crt");
    auto_free char *certificate = file_for(u, ".auth.crt");
    auto_free char *key = file_for(u, ".auth.key");
    bool as_told = is_first && given(t->cert_file);
    const struct http_origin origin = {
        .base = u->origin,
        .more_ca = given(t->ca_file) ? t->ca_file : authority ? authority : given(getenv("SSL_CERT_FILE")),
        .cert_file = as_told ? t->cert_file : certificate,
        .key_file = as_told ? given(t->key_file) : key,
        .verify = true,
        .user_agent = "gitlab-runner " ATELIER_VERSION " (atelier)",
        .connect_ms = TRANSFER_CONNECT_MS,
        .proxies = true,
    };

    return http_open(&origin, out, e);
}

static int check_stop(const struct transfer *t, struct err *e)
{
    struct pollfd stop = { .fd = t->interrupt_fd, .events = POLLIN };

    if (poll(&stop, 1, 0) > 0)
        return err_set(e, ERR_CANCELLED, 0, "told to stop");
    return 0;
}

static int tick(void *ctx, int64_t *next_ms, struct err *e)
{
    *next_ms = -1;
    return check_stop(ctx, e);
}

/* The request as it goes to one server; `headers` is filled for it. */
static struct http_request request_to(const struct transfer *t, const struct transfer_request *q, const struct url *u,
                                      bool is_first, struct strvec *headers)
{
    if (q->headers)
        strvec_push_all(headers, q->headers);
    if (q->private_header && is_first)
        strvec_push(headers, q->private_header);
    if (q->signer && is_first)
        signature_add(q->signer, q->method, u, q->content_type, (int64_t)time(NULL), headers);
    return (struct http_request){
        .method = q->method,
        .path = u->path,
        .headers = headers,
        .content_type = q->content_type,
        .source = q->source,
        .source_ctx = q->source_ctx,
        .source_len = q->source_len,
        .on_data = q->on_data,
        .data_ctx = q->data_ctx,
        .timeout_ms = q->timeout_ms,
        .idle_ms = q->idle_ms,
        .tick = tick,
        .tick_ctx = (void *)(uintptr_t)t,
        .wake_fd = t->interrupt_fd,
    };
}

static int exchange(const struct transfer *t, const struct transfer_request *q, const struct url *u, bool is_first,
                    struct http_response *r, struct err *e)
{
    auto_http *h = NULL;
    auto_strvec headers = STRVEC_INIT;
    const struct http_request request = request_to(t, q, u, is_first, &headers);

    if (connect_to(t, u, is_first, &h, e) < 0)
        return -1;
    return http_exchange(h, &request, r, e);
}

int transfer_all(const struct transfer *t, const struct transfer_request *q, struct http_response *r, struct err *errs,
                 size_t n)
{
    auto_url u = { 0 };
    auto_http *h = NULL;
    auto_free struct http_request *requests = xcalloc(n, sizeof(*requests));
    auto_free struct strvec *headers = xcalloc(n, sizeof(*headers));

    if (url_parse(q[0].url, &u, &errs[0]) < 0 || connect_to(t, &u, true, &h, &errs[0]) < 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        requests[i] = request_to(t, &q[i], &u, true, &headers[i]);
    int rc = http_exchange_all(h, requests, r, errs, n);
    for (size_t i = 0; i < n; i++)
        strvec_release(&headers[i]);
    return rc;
}

static bool is_redirect(const struct http_response *r)
{
    return r->status >= 301 && r->status <= 308 && r->status != 304 && http_header(r, "location");
}

int transfer_once(const struct transfer *t, const struct transfer_request *q, struct http_response *r, struct err *e)
{
    auto_url first = { 0 };
    auto_url at = { 0 };

    if (url_parse(q->url, &first, e) < 0 || url_parse(q->url, &at, e) < 0)
        return -1;
    for (int left = q->redirects;; left--) {
        if (exchange(t, q, &at, url_same_origin(&first, &at), r, e) < 0)
            return -1;
        if (!is_redirect(r) || q->redirects == 0)
            return 0;
        if (left == 0)
            return err_set(e, ERR_SYSTEM, 0, "%s redirects more than %d times", first.shown, q->redirects);
        struct url next = { 0 };
        if (url_follow(&at, http_header(r, "location"), &next, e) < 0)
            return err_wrap(e, "%s redirects elsewhere", at.shown);
        if (q->on_redirect)
            q->on_redirect(q->redirect_ctx, &next);
        url_release(&at);
        at = next;
        http_response_release(r);
        *r = (struct http_response)HTTP_RESPONSE_INIT;
    }
}

const char *transfer_status(int status, char *buf, size_t size)
{
    static const struct {
        int status;
        const char *text;
    } texts[] = {
        { 200, "OK" },
        { 201, "Created" },
        { 204, "No Content" },
        { 206, "Partial Content" },
        { 301, "Moved Permanently" },
        { 302, "Found" },
        { 307, "Temporary Redirect" },
        { 308, "Permanent Redirect" },
        { 400, "Bad Request" },
        { 401, "Unauthorized" },
        { 403, "Forbidden" },
        { 404, "Not Found" },
        { 408, "Request Timeout" },
        { 409, "Conflict" },
        { 411, "Length Required" },
        { 412, "Precondition Failed" },
        { 413, "Request Entity Too Large" },
        { 429, "Too Many Requests" },
        { 500, "Internal Server Error" },
        { 502, "Bad Gateway" },
        { 503, "Service Unavailable" },
        { 504, "Gateway Timeout" },
    };
    const char *text = "";

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        if (texts[i].status == status)
            text = texts[i].text;
    (void)snprintf(buf, size, "%d%s%s", status, *text ? " " : "", text);
    return buf;
}

bool transfer_may_try_again(int rc, int status, const struct err *e)
{
    return rc < 0 ? e->kind == ERR_SYSTEM : status >= 500;
}

int transfer_pause(const struct transfer *t, int64_t ms, struct err *e)
{
    struct pollfd stop = { .fd = t->interrupt_fd, .events = POLLIN };

    (void)poll(&stop, 1, (int)(ms < PAUSE_MAX_MS ? ms : PAUSE_MAX_MS));
    return check_stop(t, e);
}
