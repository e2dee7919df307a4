#include "cache/transfer/download.h"

#include "base/text.h"
#include "cache/transfer/object_answer.h"

#include <errno.h>
#include <string.h>

/* A part of the object, fetched by one request, and by another one from where that broke. */
struct part {
    struct download *d;
    int64_t from, to; /* to: behind its last byte; -1: to the end, whose place is not known */
    int64_t done;
    const struct http_response *r; /* of this try, while it is under way */
    bool begun;                    /* its header was looked at */
};

/* ---- One answer ---- */

/* A weak mark says of two versions that they may pass for each other, byte by byte they may not. */
static bool can_go_on(const struct object_info *info)
{
    return *info->etag && !text_starts(info->etag, "W/");
}

static void learn(struct download *d, struct object_info *info)
{
    object_info_release(d->info);
    *d->info = *info;
    *info = (struct object_info){ 0 };
    d->is_known = true;
    d->meter.total = d->info->size > 0 ? d->info->size : 0;
}

static void ask_want(struct download *d)
{
    d->unwanted = d->want && d->want(d->want_ctx, d->info) != 0;
}

static bool is_same_server(const char *a, const char *b)
{
    auto_url first = { 0 };
    auto_url second = { 0 };

    return url_parse(a, &first, NULL) == 0 && url_parse(b, &second, NULL) == 0 && url_same_origin(&first, &second);
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
    struct download *d = p->d;

    if (d->n > 1 || p->r->status == 206) {
        d->changed = true;
        return err_set(e, ERR_SYSTEM, 0, "the object changed while it was fetched");
    }
    meter_add(&d->meter, -p->done);
    p->done = 0;
    return 0;
}

static int look_at_header(struct part *p, struct err *e)
{
    struct download *d = p->d;
    auto_object_info now = { 0 };

    p->begun = true;
    object_read_info(p->r, &now);
    bool same = d->is_known && strcmp(now.etag, d->info->etag) == 0;
    if (asks_range(p) && !(begins_right(p) && (same || !d->is_known)) && start_over(p, e) < 0)
        return -1;
    if (same)
        return 0;
    learn(d, &now);
    ask_want(d);
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
    if (p->d->unwanted)
        return err_set(e, ERR_CONFLICT, 0, "not wanted");
    if (p->to >= 0 && p->from + p->done + (int64_t)len > p->to)
        return err_set(e, ERR_CONFLICT, 0, "the server sent more than it was asked for");
    if (write_at(p->d->fd, data, len, p->from + p->done, e) < 0)
        return -1;
    p->done += (int64_t)len;
    meter_add(&p->d->meter, (int64_t)len);
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
    if (p->d->is_known && can_go_on(p->d->info))
        strvec_pushf(headers, "If-Range: %s", p->d->info->etag);
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

/* Several go straight to where the first request was led. */
static void add_request(struct round *r, const struct transfer_request *q, bool straight, struct part *p)
{
    size_t i = r->n++;

    if (p->done > 0 && !(p->d->is_known && can_go_on(p->d->info)))
        p->done = 0;
    if (q->headers)
        strvec_push_all(&r->headers[i], q->headers);
    add_range(p, &r->headers[i]);
    r->answers[i] = (struct http_response)HTTP_RESPONSE_INIT;
    r->parts[i] = p;
    r->requests[i] = *q;
    r->requests[i].headers = &r->headers[i];
    r->requests[i].on_data = on_data;
    r->requests[i].data_ctx = p;
    if (straight && p->d->target) {
        r->requests[i].url = p->d->target;
        r->requests[i].private_header = is_same_server(q->url, p->d->target) ? q->private_header : NULL;
    }
    p->r = &r->answers[i];
    p->begun = false;
}

static void round_begin(struct round *r, const struct transfer_request *q, struct download *d)
{
    *r = (struct round){
        .parts = xcalloc(d->n, sizeof(*r->parts)),
        .requests = xcalloc(d->n, sizeof(*r->requests)),
        .headers = xcalloc(d->n, sizeof(*r->headers)),
        .answers = xcalloc(d->n, sizeof(*r->answers)),
        .errs = xcalloc(d->n, sizeof(*r->errs)),
    };
    for (size_t i = 0; i < d->n; i++)
        if (!is_complete(&d->parts[i]))
            add_request(r, q, d->n > 1, &d->parts[i]);
}

/* What became of one: 0 when it is complete. */
static int judge(struct part *p, struct err *why, struct err *e)
{
    if (p->d->unwanted)
        return 0;
    if (why->msg)
        return err_move(e, why);
    if (p->r->status / 100 != 2)
        return object_missing(p->r, e);
    if (!p->begun && look_at_header(p, e) < 0)
        return -1;
    int64_t wanted = p->to >= 0 ? p->to - p->from : p->d->info->size;
    if (!p->d->unwanted && wanted >= 0 && p->done != wanted)
        return err_set(e, ERR_SYSTEM, 0, "the server sent %lld bytes of %lld", (long long)p->done, (long long)wanted);
    p->to = p->from + p->done;
    return 0;
}

static int fetch_missing(struct download *d, const struct transfer_request *q, struct http_response *answer, struct err *e)
{
    __attribute__((cleanup(round_release))) struct round r;
    size_t failed = SIZE_MAX;

    round_begin(&r, q, d);
    if (r.n == 1) /* then redirects are followed */
        (void)transfer_once(d->transfer, &r.requests[0], &r.answers[0], &r.errs[0]);
    else
        (void)transfer_all(d->transfer, r.requests, r.answers, r.errs, r.n);
    for (size_t i = 0; i < r.n; i++) {
        auto_err problem = ERR_INIT;
        if (judge(r.parts[i], &r.errs[i], &problem) == 0)
            continue;
        failed = i;
        (void)err_move(e, &problem);
    }
    if (r.n > 0) {
        *answer = r.answers[failed < r.n ? failed : 0];
        r.answers[failed < r.n ? failed : 0] = (struct http_response)HTTP_RESPONSE_INIT;
    }
    return failed < r.n ? -1 : 0;
}

/* ---- Several parts ---- */

/* The first byte is asked for, to learn the size. */
struct probe {
    struct download *d;
    const struct http_response *r;
    const struct transfer_request *q; /* what it is for */
};

/* A server that knows no ranges begins to send all of it. */
static int expect_one_byte(void *ctx, const char *data, size_t len, struct err *e)
{
    const struct probe *p = ctx;

    (void)data;
    return p->r->status == 206 && len <= 1 ? 0 : err_set(e, ERR_CONFLICT, 0, "no range");
}

static void note_target(void *ctx, const struct url *to)
{
    const struct probe *p = ctx;

    free(p->d->target);
    p->d->target = xasprintf("%s%s", to->origin, to->path);
    if (p->q->on_redirect)
        p->q->on_redirect(p->q->redirect_ctx, to);
}

/* As a HEAD is not presigned, it is a GET. -1: not to be fetched in parts. */
static int64_t ask_size(struct download *d, const struct transfer_request *q)
{
    auto_strvec headers = STRVEC_INIT;
    auto_http_response r = HTTP_RESPONSE_INIT;
    auto_object_info info = { 0 };
    auto_err ignored = ERR_INIT;
    struct probe probe = { d, &r, q };
    struct transfer_request one = *q;

    if (q->headers)
        strvec_push_all(&headers, q->headers);
    strvec_push(&headers, "Range: bytes=0-0");
    one.headers = &headers;
    one.on_data = expect_one_byte;
    one.data_ctx = &probe;
    one.on_redirect = note_target;
    one.redirect_ctx = &probe;
    if (transfer_once(d->transfer, &one, &r, &ignored) < 0 || r.status != 206)
        return -1;
    object_read_info(&r, &info);
    if (!can_go_on(&info) || info.size <= d->piece)
        return -1;
    info.parallel = true;
    learn(d, &info);
    return d->info->size;
}

/* As many as are worth it. Each is an equal share, not one of the pieces: fewer requests bring as much. */
static void plan_parts(struct download *d, const struct transfer_request *q)
{
    int64_t size = !d->changed && d->piece > 0 && d->side_by_side > 1 ? ask_size(d, q) : -1;
    int64_t pieces = size > 0 ? (size + d->piece - 1) / d->piece : 1;

    free(d->parts);
    d->n = (size_t)(pieces < d->side_by_side || pieces == 1 ? pieces : d->side_by_side);
    d->parts = xcalloc(d->n, sizeof(*d->parts));
    for (size_t i = 0; i < d->n; i++)
        d->parts[i] = (struct part){ .d = d,
                                     .from = size > 0 ? size / (int64_t)d->n * (int64_t)i : 0,
                                     .to = size > 0 ? size / (int64_t)d->n * (int64_t)(i + 1) : -1 };
    if (size > 0) {
        d->parts[d->n - 1].to = size;
        ask_want(d);
    }
}

/* ---- All of it ---- */

int download_try(struct download *d, const struct transfer_request *q, struct http_response *answer, struct err *e)
{
    if (!d->parts || d->changed) {
        meter_add(&d->meter, -d->meter.done);
        plan_parts(d, q);
        d->is_known = d->is_known && !d->changed;
        d->changed = false;
    }
    return d->unwanted ? 0 : fetch_missing(d, q, answer, e);
}

int download_finish(struct download *d, struct err *e)
{
    if (d->unwanted || ftruncate(d->fd, d->parts[d->n - 1].to) == 0)
        return 0;
    return err_set(e, ERR_CONFLICT, errno, "write: %s", strerror(errno));
}

void download_release(struct download *d)
{
    free(d->parts);
    free(take(&d->target));
    d->parts = NULL;
}
