#include "cache/transfer/object.h"

#include "base/number.h"
#include "base/text.h"
#include "cache/transfer/download.h"
#include "cache/transfer/object_answer.h"

#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <string.h>
#include <time.h>

#define REDIRECTS 10

void object_of_url(const char *url, struct object *out)
{
    *out = (struct object){ .url = xstrdup(url) };
}

void object_release(struct object *o)
{
    free(o->url);
    signer_release(&o->signer);
    strvec_release(&o->upload);
    *o = (struct object){ 0 };
}

void object_encode_key(struct strbuf *out, const char *key, size_t len)
{
    int n = 0;
    char *raw = curl_easy_unescape(NULL, key, (int)len, &n);

    for (const char *part = raw; part && *part;) {
        size_t part_len = strcspn(part, "/");
        auto_free char *segment = xstrndup(part, part_len);
        http_encode(out, segment);
        if (part[part_len] == '/')
            strbuf_putc(out, '/');
        part += part_len + (part[part_len] == '/');
    }
    curl_free(raw);
}

void object_info_release(struct object_info *i)
{
    free(i->etag);
    strvec_release(&i->metadata);
    *i = (struct object_info){ .size = -1, .modified = -1 };
}

static struct transfer_request object_request(const struct object *o, const char *method, const struct object_tries *tries)
{
    return (struct transfer_request){
        .method = method,
        .url = o->url,
        .signer = o->signer.key ? &o->signer : NULL,
        .timeout_ms = tries->timeout_ms,
        .idle_ms = tries->idle_ms,
        .redirects = o->is_gocloud ? 0 : REDIRECTS,
    };
}

/* ---- What a server says ---- */

/* "x-amz-meta-cachekey: value" */
static void add_metadata(const char *header, struct strvec *out)
{
    const char *meta = text_starts(header, "x-") ? strstr(header, "-meta-") : NULL;
    const char *colon = strstr(header, ": ");

    if (meta && colon && meta < colon)
        strvec_pushf(out, "%.*s=%s", (int)(colon - meta - 6), meta + 6, colon + 2);
}

void object_read_info(const struct http_response *r, struct object_info *out)
{
    const char *length = http_header(r, "content-length");
    const char *range = http_header(r, "content-range");
    const char *modified = http_header(r, "last-modified");
    const char *etag = http_header(r, "etag");
    const char *total = range ? strchr(range, '/') : NULL;

    object_info_release(out);
    if (total || length)
        (void)number_parse(total ? total + 1 : length, 0, INT64_MAX, &out->size);
    if (modified)
        out->modified = (int64_t)curl_getdate(modified, NULL);
    out->etag = xstrdup(etag ? etag : "");
    for (size_t i = 0; i < r->headers.n; i++)
        add_metadata(r->headers.items[i], &out->metadata);
}

/* The text between <name> and </name> of an object store's answer: shown, never believed. */
static char *element(const char *body, const char *name)
{
    auto_free char *open = xasprintf("<%s>", name);
    const char *begin = strstr(body, open);
    const char *end = begin ? strstr(begin, "</") : NULL;

    if (!end)
        return xstrdup("");
    auto_free char *text = xstrndup(begin + strlen(open), (size_t)(end - begin) - strlen(open));
    return text_quote(text);
}

/* An answer that is no success, as an error. Always -1. */
static int object_refused(const struct http_response *r, struct err *e)
{
    char buf[64];
    const char *body = strbuf_text(&r->body);
    auto_free char *code = element(body, "Code");
    auto_free char *message = element(body, "Message");

    if (!*code)
        return err_set(e, ERR_SYSTEM, r->status, "received: %s", transfer_status(r->status, buf, sizeof(buf)));
    return err_set(e, ERR_SYSTEM, r->status, "received: %s. Request failed with code: %s, message: %s",
                   transfer_status(r->status, buf, sizeof(buf)), code, message);
}

int object_missing(const struct http_response *r, struct err *e)
{
    return r->status == 404 ? err_set(e, ERR_NOT_FOUND, r->status, "file does not exist") : object_refused(r, e);
}

/* ---- Tries ---- */

/* After try number `try` (from 0): 0 to go on, after a pause and with `e` empty; -1 with the error when that was the
 * last. */
static int object_again(const struct transfer *t, const struct object_tries *tries, int try, int rc, int status,
                 struct err *e)
{
    auto_err stopped = ERR_INIT;
    auto_strvec fields = STRVEC_INIT;

    if (try >= tries->more || !transfer_may_try_again(rc, status, e))
        return -1;
    strvec_pushf(&fields, "error=%s", err_text(e));
    report_fields(t->report, LOG_WARNING, &fields, "Retrying...");
    if (transfer_pause(t, tries->pause_ms << try, &stopped) < 0)
        return err_move(e, &stopped);
    err_release(e);
    return 0;
}

int object_head(const struct transfer *t, const struct object *o, const struct object_tries *tries,
                struct object_info *out, struct err *e)
{
    const struct transfer_request q = object_request(o, "HEAD", tries);

    for (int try = 0;; try++) {
        auto_http_response r = HTTP_RESPONSE_INIT;
        int rc = transfer_once(t, &q, &r, e);
        if (rc == 0 && r.status / 100 == 2) {
            object_read_info(&r, out);
            return 0;
        }
        if (rc == 0)
            (void)object_missing(&r, e);
        if (object_again(t, tries, try, rc, r.status, e) < 0)
            return -1;
    }
}

/* ---- GET ---- */

static int fetch(struct download *d, const struct object *o, const struct object_tries *tries, struct err *e)
{
    const struct transfer_request q = object_request(o, "GET", tries);

    for (int try = 0;; try++) {
        auto_http_response r = HTTP_RESPONSE_INIT;
        if (download_try(d, &q, &r, e) == 0)
            return download_finish(d, e);
        /* The disk's problem, or an object that is not there, is not mended by another try. */
        bool refused = r.status != 0 && r.status / 100 != 2;
        if (e->kind != ERR_SYSTEM || object_again(d->transfer, tries, try, refused ? 0 : -1, r.status, e) < 0)
            return -1;
    }
}

int object_get(const struct transfer *t, const struct object *o, const struct object_tries *tries, int fd,
               object_want_fn *want, void *ctx, struct object_info *out, struct err *e)
{
    struct download d = { .transfer = t, .fd = fd, .piece = tries->piece, .side_by_side = tries->side_by_side,
                          .want = want, .want_ctx = ctx, .info = out };

    meter_begin(&d.meter, "Downloading cache", tries->meter_ms, 0);
    int rc = fetch(&d, o, tries, e);
    if (!d.unwanted)
        meter_end(&d.meter);
    download_release(&d);
    return rc < 0 ? -1 : d.unwanted;
}

/* ---- PUT ---- */

struct put {
    int fd;
    int64_t at, size;
    struct meter meter;
};

static ssize_t read_on(void *ctx, char *buf, size_t size, struct err *e)
{
    struct put *p = ctx;
    size_t left = (size_t)(p->size - p->at);
    ssize_t n = pread(p->fd, buf, left < size ? left : size, p->at);

    if (n < 0)
        return err_set(e, ERR_CONFLICT, errno, "read the archive: %s", strerror(errno));
    p->at += n;
    meter_add(&p->meter, n);
    return n;
}

static bool has_header(const struct strvec *headers, const char *name)
{
    size_t len = strlen(name);

    for (size_t i = 0; headers && i < headers->n; i++)
        if (strncasecmp(headers->items[i], name, len) == 0 && headers->items[i][len] == ':')
            return true;
    return false;
}

int object_put(const struct transfer *t, const struct object *o, const struct object_tries *tries, int fd,
               int64_t size, const struct strvec *headers, struct err *e)
{
    struct transfer_request q = object_request(o, "PUT", tries);
    auto_strvec all = STRVEC_INIT;

    if (headers)
        strvec_push_all(&all, headers);
    strvec_push_all(&all, &o->upload);
    q.headers = &all;
    q.redirects = 0; /* the body would have to be sent again, and no object store does that */
    q.content_type = has_header(headers, "Content-Type") ? NULL : "application/octet-stream";
    for (int try = 0;; try++) {
        auto_http_response r = HTTP_RESPONSE_INIT;
        struct put put = { .fd = fd, .size = size };
        q.source = read_on;
        q.source_ctx = &put;
        q.source_len = size;
        meter_begin(&put.meter, "Uploading cache", tries->meter_ms, size);
        int rc = transfer_once(t, &q, &r, e);
        meter_end(&put.meter);
        if (rc == 0 && r.status / 100 == 2)
            return 0;
        if (rc == 0)
            (void)object_refused(&r, e);
        if (object_again(t, tries, try, rc, r.status, e) < 0)
            return -1;
    }
}
