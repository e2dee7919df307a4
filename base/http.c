#include "base/http_exchange.h"

#include <ctype.h>
#include <limits.h>
#include <string.h>

struct http {
    struct http_library curl;
    CURLM *multi; /* owns the connections, so that they outlive an exchange */
    struct http_origin origin;
    bool started; /* libcurl was */
};

static bool is_http(const char *url)
{
    return !strncmp(url, "http://", 7) || !strncmp(url, "https://", 8);
}

static void origin_copy(struct http_origin *to, const struct http_origin *from)
{
    *to = (struct http_origin){
        .unix_socket = xstrdup(from->unix_socket),
        .base = xstrdup(from->base),
        .ca_file = xstrdup(from->ca_file),
        .more_ca = xstrdup(from->more_ca),
        .cert_file = xstrdup(from->cert_file),
        .key_file = xstrdup(from->key_file),
        .verify = from->verify,
        .user_agent = xstrdup(from->user_agent),
        .proxies = from->proxies,
        .connect_ms = from->connect_ms > 0 ? from->connect_ms : 10000,
    };
}

static void origin_release(struct http_origin *o)
{
    const char *const owned[] = { o->unix_socket, o->base,     o->ca_file,   o->more_ca,
                                  o->cert_file,   o->key_file, o->user_agent };
    for (size_t i = 0; i < ARRAY_SIZE(owned); i++)
        free((void *)(uintptr_t)owned[i]); /* const only towards its readers */
}

int http_open(const struct http_origin *origin, struct http **out, struct err *e)
{
    if (!is_http(origin->base))
        return err_set(e, ERR_CONFIG, 0, "'%s' is no http:// or https:// address", origin->base);
    auto_http *h = xcalloc(1, sizeof(*h));
    origin_copy(&h->origin, origin);
    if (http_library_load(&h->curl, e) < 0)
        return -1;
    CURLcode result = h->curl.global_init(CURL_GLOBAL_DEFAULT);
    if (result)
        return err_set(e, ERR_SYSTEM, (int)result, "start libcurl: %s", h->curl.easy_strerror(result));
    h->started = true;
    h->multi = h->curl.multi_init();
    if (!h->multi)
        return err_set(e, ERR_SYSTEM, 0, "start libcurl: no handle for connections");
    *out = take(&h);
    return 0;
}

void http_close(struct http *h)
{
    if (!h)
        return;
    if (h->multi)
        (void)h->curl.multi_cleanup(h->multi); /* which complains of no handle alone */
    if (h->started)
        h->curl.global_cleanup();
    origin_release(&h->origin);
    free(h);
}

/* --- several exchanges, carried to their ends --- */

struct group {
    struct http *http;
    struct exchange *x;
    size_t n, open;
    struct pollfd *fds; /* EXCHANGE_FDS for each */
    struct curl_waitfd *extra;
};

static void group_release(struct group *g)
{
    for (size_t i = 0; i < g->n; i++)
        exchange_release(&g->x[i]);
    free(g->x);
    free(g->fds);
    free(g->extra);
}

/* An exchange that is over leaves libcurl at once; its connection stays if it can. */
static void group_sweep(struct group *g)
{
    for (size_t i = 0; i < g->n; i++) {
        struct exchange *x = &g->x[i];
        if (!x->over || !x->listed)
            continue;
        (void)g->http->curl.multi_remove_handle(g->http->multi, x->easy);
        x->listed = false;
        g->open--;
    }
}

static void group_fail(struct group *g, CURLMcode result)
{
    for (size_t i = 0; i < g->n; i++) {
        struct exchange *x = &g->x[i];
        if (x->over)
            continue;
        err_set(x->e, ERR_SYSTEM, (int)result, "exchange with %s: %s", g->http->origin.base,
                g->http->curl.multi_strerror(result));
        exchange_fail(x);
    }
}

static void group_perform(struct group *g)
{
    int running, left;
    CURLMcode result = g->http->curl.multi_perform(g->http->multi, &running);
    if (result)
        group_fail(g, result);
    for (const CURLMsg *m; (m = g->http->curl.multi_info_read(g->http->multi, &left));) {
        struct exchange *x = NULL;
        if (m->msg == CURLMSG_DONE && !g->http->curl.easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &x) && x)
            exchange_finish(x, m->data.result);
    }
}

/* Sleep until libcurl, a tick or a deadline has something to do. */
static void group_wait(struct group *g)
{
    int64_t due = INT_MAX;
    unsigned n_extra = 0;
    for (size_t i = 0; i < g->n; i++) {
        struct pollfd *fds = &g->fds[i * EXCHANGE_FDS];
        for (int k = 0; k < EXCHANGE_FDS; k++)
            fds[k].fd = -1;
        if (g->x[i].over)
            continue;
        due = exchange_due(&g->x[i], due);
        exchange_watch(&g->x[i], fds);
        for (int k = 0; k < EXCHANGE_FDS; k++)
            if (fds[k].fd >= 0)
                g->extra[n_extra++] = (struct curl_waitfd){
                    .fd = fds[k].fd,
                    .events = fds[k].events & POLLOUT ? CURL_WAIT_POLLOUT : CURL_WAIT_POLLIN,
                };
    }
    CURLMcode result = g->http->curl.multi_poll(g->http->multi, g->extra, n_extra, (int)due, NULL);
    if (result)
        group_fail(g, result);
    /* Asked again, because libcurl does not pass on that somebody hung up. */
    if (poll(g->fds, g->n * EXCHANGE_FDS, 0) <= 0)
        return;
    for (size_t i = 0; i < g->n; i++)
        exchange_woken(&g->x[i], &g->fds[i * EXCHANGE_FDS]);
}

static void group_carry(struct group *g)
{
    while (g->open > 0) {
        for (size_t i = 0; i < g->n; i++)
            if (!g->x[i].over)
                exchange_tick(&g->x[i]);
        group_sweep(g); /* what a tick ended must not be called back any more */
        group_perform(g);
        for (size_t i = 0; i < g->n; i++)
            if (!g->x[i].over)
                exchange_advance(&g->x[i]);
        group_sweep(g);
        if (g->open > 0)
            group_wait(g);
    }
}

int http_exchange_all(struct http *h, const struct http_request *q, struct http_response *r,
                      struct err *errs, size_t n)
{
    __attribute__((cleanup(group_release))) struct group g = {
        .http = h,
        .x = xcalloc(n, sizeof(*g.x)),
        .n = n,
        .fds = xcalloc(n * EXCHANGE_FDS, sizeof(*g.fds)),
        .extra = xcalloc(n * EXCHANGE_FDS, sizeof(*g.extra)),
    };
    for (size_t i = 0; i < n; i++) {
        struct exchange *x = &g.x[i];
        x->curl = &h->curl;
        x->origin = &h->origin;
        x->q = &q[i];
        x->r = &r[i];
        x->e = errs ? &errs[i] : NULL;
        if (exchange_open(x) < 0)
            continue;
        x->listed = true;
        g.open++;
        CURLMcode result = h->curl.multi_add_handle(h->multi, x->easy);
        if (result)
            group_fail(&g, result);
    }
    group_carry(&g);

    int worst = 0;
    for (size_t i = 0; i < n; i++)
        if (g.x[i].failed)
            worst = -1;
    return worst;
}

int http_exchange(struct http *h, const struct http_request *q, struct http_response *r, struct err *e)
{
    return http_exchange_all(h, q, r, e, 1);
}

/* --- answers and addresses --- */

const char *http_header(const struct http_response *r, const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < r->headers.n; i++)
        if (!strncmp(r->headers.items[i], name, len) && !strncmp(r->headers.items[i] + len, ": ", 2))
            return r->headers.items[i] + len + 2;
    return NULL;
}

void http_encode(struct strbuf *out, const char *text)
{
    static const char unreserved[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    for (; *text; text++) {
        if (strchr(unreserved, *text))
            strbuf_putc(out, *text);
        else
            strbuf_printf(out, "%%%02X", (unsigned char)*text);
    }
}

void http_response_release(struct http_response *r)
{
    strbuf_release(&r->body);
    strvec_release(&r->headers);
    r->status = 0;
}
