#include "cache/transfer/object_answer.h"

#include "base/text.h"

#include <errno.h>
#include <string.h>

/* A part of the object, fetched by one request, and by another one from where that broke. */
struct part {
    struct get *get;
    int64_t from, to; /* to: behind its last byte; -1: to the end, whose place is not known */
    int64_t done;
    const struct http_response *r; /* of this try, while it is under way */
    bool begun;                    /* its header was looked at */
};

struct get {
    const struct transfer *t;
    const struct object_tries *tries;
    int fd;
    object_want_fn *want;
    void *want_ctx;
    struct object_info *info;
    bool is_known; /* *info is the object's */
    bool unwanted;
    bool changed;  /* it is no longer what *info says: all that was fetched is worth nothing */
    struct meter meter;
    struct part *parts;
    size_t n;
};

/* ---- One answer ---- */

/* A weak mark says of two versions that they may pass for each other, byte by byte they may not. */
static bool can_go_on(const struct object_info *info)
{
    return *info->etag && !text_starts(info->etag, "W/");
}

static void learn(struct get *g, struct object_info *info)
{
    object_info_release(g->info);
    *g->info = *info;
    *info = (struct object_info){ 0 };
    g->is_known = true;
    g->meter.total = g->info->size > 0 ? g->info->size : 0;
}

static void ask_want(struct get *g)
{
    g->unwanted = g->want && g->want(g->want_ctx, g->info) != 0;
}

static bool asks_range(const struct part *p)
{
    return p->from + p->done > 0 || p->to >= 0;
}

/* "bytes 100-199/200": it begins where the part goes on. */
static bool begins_right(const struct part *p)
{
    const char *range = http_header(p->r, "content-range");
    auto_free char *wanted = xasprintf("bytes %lld-", (long long)(p->from + p->done));

    return p->r->status == 206 && range && text_starts(range, wanted);
}

/* No range although one was asked for: the object was replaced, or the server knows none. The one part that there
 * is starts over; of several, each would bring all of it. */
static int start_over(struct part *p, struct err *e)
{
    struct get *g = p->get;

    if (g->n > 1 || p->r->status == 206) {
        g->changed = true;
        return err_set(e, ERR_SYSTEM, 0, "the object changed while it was fetched");
    }
    meter_add(&g->meter, -p->done);
    p->done = 0;
    return 0;
}

static int look_at_header(struct part *p, struct err *e)
{
    struct get *g = p->get;
    auto_object_info now = { 0 };

    p->begun = true;
    object_read_info(p->r, &now);
    bool same = g->is_known && strcmp(now.etag, g->info->etag) == 0;
    if (asks_range(p) && !(begins_right(p) && (same || !g->is_known)) && start_over(p, e) < 0)
        return -1;
    if (same)
        return 0;
    learn(g, &now);
    ask_want(g);
    return 0;
}

static int write_at(int fd, const char *data, size_t len, int64_t at, struct err *e)
{
    while (len > 0) {
        ssize_t n = pwrite(fd, data, len, at);
        if (n < 0)
            return err_set(e, ERR_CONFLICT, errno, "write: %s", strerror(errno));
        data += n;
        at += n;
        len -= (size_t)n;
    }
    return 0;
}

static int on_data(void *ctx, const char *data, size_t len, struct err *e)
{
    struct part *p = ctx;

    if (!p->begun && look_at_header(p, e) < 0)
        return -1;
    if (p->get->unwanted)
        return err_set(e, ERR_CONFLICT, 0, "not wanted");
    if (p->to >= 0 && p->from + p->done + (int64_t)len > p->to)
        return err_set(e, ERR_CONFLICT, 0, "the server sent more than it was asked for");
    if (write_at(p->get->fd, data, len, p->from + p->done, e) < 0)
        return -1;
    p->done += (int64_t)len;
    meter_add(&p->get->meter, (int64_t)len);
    return 0;
}

/* ---- One try of all parts that are not complete ---- */

static bool is_complete(const struct part *p)
{
    return p->to >= 0 && p->from + p->done == p->to;
}

static void add_range(const struct part *p, struct strvec *headers)
{
    if (!asks_range(p))
        return;
    strvec_pushf(headers, p->to < 0 ? "Range: bytes=%lld-" : "Range: bytes=%lld-%lld", (long long)(p->from + p->done),
                 (long long)(p->to - 1));
    if (p->get->is_known && can_go_on(p->get->info))
        strvec_pushf(headers, "If-Range: %s", p->get->info->etag);
}

/* What the requests of one try are made of. */
struct round {
    size_t n;
    struct part **parts;
    struct transfer_request *requests;
    struct strvec *headers;
    struct http_response *answers;
    struct err *errs;
};

static void round_release(struct round *r)
{
    for (size_t i = 0; i < r->n; i++) {
        strvec_release(&r->headers[i]);
        http_response_release(&r->answers[i]);
        err_release(&r->errs[i]);
    }
    free(r->parts);
    free(r->requests);
    free(r->headers);
    free(r->answers);
    free(r->errs);
}

static void add_request(struct round *r, const struct object *o, struct part *p)
{
    size_t i = r->n++;

    if (p->done > 0 && !(p->get->is_known && can_go_on(p->get->info)))
        p->done = 0;
    add_range(p, &r->headers[i]);
    r->answers[i] = (struct http_response)HTTP_RESPONSE_INIT;
    r->parts[i] = p;
    r->requests[i] = object_request(o, "GET", p->get->tries);
    r->requests[i].headers = &r->headers[i];
    r->requests[i].on_data = on_data;
    r->requests[i].data_ctx = p;
    p->r = &r->answers[i];
    p->begun = false;
}

static void round_begin(struct round *r, const struct object *o, struct get *g)
{
    *r = (struct round){
        .parts = xcalloc(g->n, sizeof(*r->parts)),
        .requests = xcalloc(g->n, sizeof(*r->requests)),
        .headers = xcalloc(g->n, sizeof(*r->headers)),
        .answers = xcalloc(g->n, sizeof(*r->answers)),
        .errs = xcalloc(g->n, sizeof(*r->errs)),
    };
    for (size_t i = 0; i < g->n; i++)
        if (!is_complete(&g->parts[i]))
            add_request(r, o, &g->parts[i]);
}

/* What became of one: 0 when it is complete. *status is that of an answer that was a refusal. */
static int judge(struct part *p, struct err *why, int *status, struct err *e)
{
    if (p->get->unwanted)
        return 0;
    if (why->msg)
        return err_move(e, why);
    if (p->r->status / 100 != 2) {
        *status = p->r->status;
        return object_missing(p->r, e);
    }
    if (!p->begun && look_at_header(p, e) < 0)
        return -1;
    int64_t wanted = p->to >= 0 ? p->to - p->from : p->get->info->size;
    if (!p->get->unwanted && wanted >= 0 && p->done != wanted)
        return err_set(e, ERR_SYSTEM, 0, "the server sent %lld bytes of %lld", (long long)p->done, (long long)wanted);
    p->to = p->from + p->done;
    return 0;
}

/* One try of what is missing; *status as judge() sets it. */
static int fetch_missing(const struct object *o, struct get *g, int *status, struct err *e)
{
    __attribute__((cleanup(round_release))) struct round r;
    int rc = 0;

    round_begin(&r, o, g);
    if (r.n == 1) /* then redirects are followed */
        (void)transfer_once(g->t, &r.requests[0], &r.answers[0], &r.errs[0]);
    else
        (void)transfer_all(g->t, r.requests, r.answers, r.errs, r.n);
    for (size_t i = 0; i < r.n; i++) {
        auto_err problem = ERR_INIT;
        if (judge(r.parts[i], &r.errs[i], status, &problem) < 0)
            rc = err_move(e, &problem);
    }
    return rc;
}

/* ---- All of it ---- */

/* A server that knows no ranges begins to send all of it. */
static int expect_one_byte(void *ctx, const char *data, size_t len, struct err *e)
{
    const struct http_response *r = ctx;

    (void)data;
    return r->status == 206 && len <= 1 ? 0 : err_set(e, ERR_CONFLICT, 0, "no range");
}

/* How large it is, asked for by its first byte, as a HEAD is not presigned; -1: not to be fetched in parts. */
static int64_t ask_size(const struct object *o, struct get *g)
{
    auto_strvec headers = STRVEC_INIT;
    auto_http_response r = HTTP_RESPONSE_INIT;
    auto_object_info info = { 0 };
    auto_err ignored = ERR_INIT;
    struct transfer_request q = object_request(o, "GET", g->tries);

    strvec_push(&headers, "Range: bytes=0-0");
    q.headers = &headers;
    q.on_data = expect_one_byte;
    q.data_ctx = &r;
    q.redirects = 0;
    if (transfer_once(g->t, &q, &r, &ignored) < 0 || r.status != 206)
        return -1;
    object_read_info(&r, &info);
    if (!can_go_on(&info) || info.size <= g->tries->piece)
        return -1;
    info.parallel = true;
    learn(g, &info);
    return g->info->size;
}

/* As many as are worth it. Each is an equal share, not one of the pieces: fewer requests bring as much. */
static void plan_parts(const struct object *o, struct get *g)
{
    const struct object_tries *tries = g->tries;
    int64_t size = !g->changed && tries->piece > 0 && tries->side_by_side > 1 ? ask_size(o, g) : -1;
    int64_t pieces = size > 0 ? (size + tries->piece - 1) / tries->piece : 1;

    free(g->parts);
    g->n = (size_t)(pieces < tries->side_by_side || pieces == 1 ? pieces : tries->side_by_side);
    g->parts = xcalloc(g->n, sizeof(*g->parts));
    for (size_t i = 0; i < g->n; i++)
        g->parts[i] = (struct part){ .get = g,
                                     .from = size > 0 ? size / (int64_t)g->n * (int64_t)i : 0,
                                     .to = size > 0 ? size / (int64_t)g->n * (int64_t)(i + 1) : -1 };
    if (size > 0) {
        g->parts[g->n - 1].to = size;
        ask_want(g);
    }
}

static int fetch(const struct object *o, struct get *g, struct err *e)
{
    plan_parts(o, g);
    for (int try = 0; !g->unwanted; try++) {
        int status = 0;
        if (fetch_missing(o, g, &status, e) == 0)
            break;
        /* The disk's problem, or an object that is not there, is not mended by another try. */
        if (e->kind != ERR_SYSTEM || object_again(g->t, g->tries, try, status ? 0 : -1, status, e) < 0)
            return -1;
        if (g->changed) {
            meter_add(&g->meter, -g->meter.done);
            plan_parts(o, g);
            g->is_known = g->changed = false;
        }
    }
    return g->unwanted;
}

int object_get(const struct transfer *t, const struct object *o, const struct object_tries *tries, int fd,
               object_want_fn *want, void *ctx, struct object_info *out, struct err *e)
{
    struct get g = { .t = t, .tries = tries, .fd = fd, .want = want, .want_ctx = ctx, .info = out };

    meter_begin(&g.meter, "Downloading cache", tries->meter_ms, 0);
    int rc = fetch(o, &g, e);
    if (!g.unwanted)
        meter_end(&g.meter);
    /* What an earlier, longer version left behind the end. */
    if (rc == 0 && ftruncate(fd, g.parts[g.n - 1].to) < 0)
        rc = err_set(e, ERR_CONFLICT, errno, "write: %s", strerror(errno));
    free(g.parts);
    return rc;
}
