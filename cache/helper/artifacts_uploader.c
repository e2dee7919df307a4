/* cache/helper/artifacts_uploader.c: `artifacts-uploader`: files to GitLab, as they are packed (contract 3.7). */
#include "base/clock.h"
#include "base/text.h"
#include "cache/helper/body.h"
#include "cache/helper/job_credentials.h"
#include "cache/helper/local_artifacts.h"
#include "cache/helper/pack.h"
#include "cache/helper/selection.h"
#include "cache/helper/statement.h"
#include "cache/select/expand.h"
#include "cache/transfer/random.h"

#include <string.h>

#define TRIES         3
#define TRIES_BUSY    6 /* of one that answers 503 */
#define PAUSE_MS      ((int64_t)1000)
#define PAUSE_MAX_MS  ((int64_t)5000)
#define DEBUG_BODY    512

struct options {
    struct job_credentials job;
    struct selection selection;
    struct statement_options statement;
    const char *name, *expire_in, *format, *type, *level;
    int64_t timeout_ms, response_ms, meter_ms;
    bool trace;
};

#define O(member) offsetof(struct options, member)

static const struct flag flags[] = {
    JOB_CREDENTIALS_FLAGS(O(job)),
    SELECTION_FLAGS(O(selection)),
    STATEMENT_FLAGS(O(statement)),
    { "name", NULL, "artifacts", FLAG_TEXT, O(name), "of the archive" },
    { "expire-in", NULL, NULL, FLAG_TEXT, O(expire_in), "when GitLab may remove it" },
    { "artifact-format", NULL, NULL, FLAG_TEXT, O(format), "zip, gzip or raw" },
    { "artifact-type", NULL, NULL, FLAG_TEXT, O(type), "archive, junit, dotenv, ..." },
    { "compression-level", "ARTIFACT_COMPRESSION_LEVEL", NULL, FLAG_TEXT, O(level), "fastest to slowest" },
    { "timeout", NULL, "1h", FLAG_DURATION, O(timeout_ms), "for one upload" },
    { "response-header-timeout", NULL, "10m", FLAG_DURATION, O(response_ms), "for GitLab's answer to it" },
    { "ci-debug-trace", "CI_DEBUG_TRACE", NULL, FLAG_SWITCH, O(trace), "show the answer" },
    { "transfer-meter-frequency", "TRANSFER_METER_FREQUENCY", NULL, FLAG_DURATION, O(meter_ms), "how often progress is shown" },
    { NULL, NULL, NULL, FLAG_TEXT, 0, NULL },
};

struct work {
    const struct helper *h;
    struct options *o;
    struct archive_spec spec;
    struct strvec names;
    char *root, *name, *base; /* base: of GitLab, changed by a redirect */
    char *shown;              /* 'Uploading artifacts as "junit" to coordinator...' */
    char *token;              /* shortened */
    char *request_id;         /* the header */
};

static void work_release(struct work *w)
{
    char *const owned[] = { w->root, w->name, w->base, w->shown, w->token, w->request_id };

    for (size_t i = 0; i < ARRAY_SIZE(owned); i++)
        free(owned[i]);
    strvec_release(&w->names);
}

/* ---- The request ---- */

static void add_value(struct strbuf *query, const char *key, const char *value)
{
    if (!value || !*value)
        return;
    strbuf_printf(query, "%s%s=", query->len ? "&" : "", key);
    for (; *value; value++) {
        char one[2] = { *value, '\0' };
        if (*value == ' ')
            strbuf_putc(query, '+');
        else
            http_encode(query, one);
    }
}

static char *address(const struct work *w)
{
    const struct coordinator c = { .url = w->base, .id = w->o->job.id };
    auto_strbuf query = STRBUF_TEXT;

    add_value(&query, "artifact_format", w->o->format && *w->o->format ? w->o->format : "zip");
    add_value(&query, "artifact_type", w->o->type);
    add_value(&query, "expire_in", w->o->expire_in);
    return coordinator_artifacts_url(&c, strbuf_text(&query));
}

/* "artifacts.zip": no path, and nothing that would end the header that it goes into. */
static char *file_name(const struct work *w)
{
    const char *slash = strrchr(w->name, '/');
    const char *base = slash ? slash + 1 : w->name;
    char *name = xasprintf("%s%s", *base && strcmp(base, ".") != 0 ? base : "default",
                           archive_format_extension(w->spec.format));

    for (char *c = name; *c; c++)
        if (*c == '"' || *c == '\\' || (unsigned char)*c < ' ')
            *c = '_';
    return name;
}

/* One upload: rc as transfer_once() has it. */
static int upload(const struct work *w, const struct transfer_request *plain, struct http_response *r, struct err *e)
{
    const struct transfer t = job_credentials_transfer(w->h, &w->o->job);
    struct meter meter;
    auto_free char *mark = random_hex();
    auto_free char *file = file_name(w);
    auto_free char *type = xasprintf("multipart/form-data; boundary=%s", mark);
    auto_free char *head = xasprintf("--%s\r\nContent-Disposition: form-data; name=\"file\"; filename=\"%s\"\r\n"
                                     "Content-Type: application/octet-stream\r\n\r\n", mark, file);
    auto_free char *tail = xasprintf("\r\n--%s--\r\n", mark);
    struct body body = { .spec = &w->spec, .report = &w->h->report, .meter = &meter, .head = head, .tail = tail };

    if (body_begin(&body, e) < 0)
        return -1;
    meter_begin(&meter, "Uploading artifacts", w->o->meter_ms, 0);
    struct transfer_request q = *plain;
    q.content_type = type;
    q.source = body_read;
    q.source_ctx = &body;
    int rc = transfer_once(&t, &q, r, e);
    meter_end(&meter);
    auto_err archive = ERR_INIT;
    if (body_end(&body, &archive) < 0)
        rc = err_move(e, &archive);
    return rc;
}

/* ---- The answer ---- */

static void describe(const struct work *w, const struct http_response *r, struct strvec *fields)
{
    char status[64];

    strvec_pushf(fields, "correlation_id=%s", coordinator_correlation(w->request_id, r));
    strvec_pushf(fields, "id=%lld", (long long)w->o->job.id);
    strvec_pushf(fields, "responseStatus=%s", transfer_status(r->status, status, sizeof(status)));
    strvec_pushf(fields, "token=%s", w->token);
}

static void trace(const struct work *w, const struct http_response *r)
{
    auto_strvec fields = STRVEC_INIT;
    auto_free char *headers = strvec_join(&r->headers, "; ");

    if (!w->o->trace)
        return;
    strvec_pushf(&fields, "body=%.*s", DEBUG_BODY, strbuf_text(&r->body));
    strvec_pushf(&fields, "headers=%s", headers);
    report_fields(&w->h->report, LOG_WARNING, &fields, "received response");
}

/* Statuses that no further try mends, and what the last line says of them. */
static const struct verdict {
    int status;
    int tries;
    const char *fatal;
} verdicts[] = {
    { 403, 1, "permission denied" },
    { 413, 1, "too large" },
    { 503, TRIES_BUSY, "service unavailable" },
    { 0, TRIES, NULL },
};

static const struct verdict *verdict_of(int status)
{
    size_t i = 0;

    while (verdicts[i].status && verdicts[i].status != status)
        i++;
    return &verdicts[i];
}

/* GitLab says which of its hosts takes uploads, and that one wants the job's token too: so it goes there, but never
 * from an encrypted connection to an open one. */
static int redirect(struct work *w, const char *location, struct err *e)
{
    auto_url from = { 0 };
    auto_url to = { 0 };
    auto_strvec fields = STRVEC_INIT;

    if (url_parse(w->base, &from, e) < 0 || url_follow(&from, location, &to, e) < 0)
        return -1;
    if (text_starts(from.origin, "https:") && !text_starts(to.origin, "https:"))
        return err_set(e, ERR_SYSTEM, 0, "%s redirects the upload to %s, which is not encrypted", from.shown, to.shown);
    free(w->base);
    w->base = xstrdup(to.origin);
    strvec_pushf(&fields, "location=%s", to.shown);
    strvec_pushf(&fields, "new-url=%s", w->base);
    report_fields(&w->h->report, LOG_INFO, &fields, "Upload request redirected");
    return 0;
}

static int say_success(const struct work *w, const struct http_response *r)
{
    auto_strvec fields = STRVEC_INIT;
    char status[64];

    describe(w, r, &fields);
    report_fields(&w->h->report, LOG_INFO, &fields, "%s %s", w->shown, transfer_status(r->status, status, sizeof(status)));
    return 0;
}

/* What an answer that is no success means: 0 to try again. */
static int judge(struct work *w, const struct transfer_request *q, const struct http_response *r, int try, struct err *e)
{
    const struct verdict *v = verdict_of(r->status);
    auto_free char *complaint = coordinator_complaint(q, r);
    auto_strvec fields = STRVEC_INIT;

    describe(w, r, &fields);
    report_fields(&w->h->report, v->status ? LOG_ERROR : LOG_WARNING, &fields, "%s %s", w->shown, complaint);
    if (try + 1 < v->tries)
        return 0;
    return v->fatal ? err_set(e, ERR_SYSTEM, r->status, "%s", v->fatal)
                    : err_set(e, ERR_SYSTEM, r->status, "upload failed: %s", complaint);
}

static int pause_before(const struct work *w, const struct http_response *r, int try, const char *why, struct err *e)
{
    const struct transfer t = job_credentials_transfer(w->h, &w->o->job);
    int64_t ms = PAUSE_MS << try;
    auto_strvec fields = STRVEC_INIT;

    strvec_push(&fields, "context=artifacts-uploader");
    strvec_pushf(&fields, "error=%s", why);
    report_fields(&w->h->report, LOG_WARNING, &fields, "Retrying...");
    return transfer_pause(&t, coordinator_wait_ms(r, ms < PAUSE_MAX_MS ? ms : PAUSE_MAX_MS), e);
}

/* The request failed, or the archive did, which no other try mends. As try_once(). */
static int go_on_without_answer(const struct work *w, const struct http_response *r, int try, struct err *why,
                                struct err *e)
{
    auto_strvec fields = STRVEC_INIT;

    if (why->kind != ERR_SYSTEM)
        return err_move(e, why);
    if (try + 1 < TRIES)
        return pause_before(w, r, try, err_text(why), e) < 0 ? -1 : 1;
    strvec_pushf(&fields, "error=%s", err_text(why));
    report_fields(&w->h->report, LOG_WARNING, &fields, "%s failed", w->shown);
    return err_set(e, ERR_SYSTEM, 0, "upload failed with no response from coordinator");
}

/* One try: 0 done, 1 again, -1 the end. */
static int try_once(struct work *w, int try, struct err *e)
{
    auto_free char *url = address(w);
    auto_free char *private = coordinator_header(&(const struct coordinator){ .token = w->o->job.token });
    auto_http_response r = HTTP_RESPONSE_INIT;
    auto_strvec headers = STRVEC_INIT;
    const struct transfer_request q = { .method = "POST", .url = url, .headers = &headers, .private_header = private,
                                  .timeout_ms = w->o->timeout_ms, .idle_ms = w->o->response_ms };
    auto_err problem = ERR_INIT;

    strvec_push(&headers, w->request_id);
    if (upload(w, &q, &r, &problem) < 0)
        return go_on_without_answer(w, &r, try, &problem, e);
    trace(w, &r);
    if (r.status == 201)
        return say_success(w, &r);
    if ((r.status == 307 || r.status == 308) && http_header(&r, "location") && try + 1 < TRIES)
        return redirect(w, http_header(&r, "location"), e) < 0 ? -1 : 1;
    char status[64];
    if (judge(w, &q, &r, try, e) < 0)
        return -1;
    return pause_before(w, &r, try, transfer_status(r.status, status, sizeof(status)), e) < 0 ? -1 : 1;
}

/* ---- What is sent ---- */

static int choose_format(struct work *w, struct err *e)
{
    auto_free char *shown = text_quote(w->o->format ? w->o->format : "");

    if (archive_format_parse(w->o->format ? w->o->format : "", &w->spec.format) < 0)
        return err_set(e, ERR_USAGE, 0, "unsupported archive format: %s", shown);
    w->spec.level = pack_level(w->o->level ? w->o->level : "", &w->h->report);
    return 0;
}

static void choose_name(struct work *w)
{
    auto_err problem = ERR_INIT;

    if (expand_text(w->o->name, w->h->env, &w->name, &problem) == 0)
        return;
    report_line(&w->h->report, LOG_WARNING, "invalid artifact name: %s", err_text(&problem));
    w->name = xstrdup(w->o->name);
}

static int prepare(struct work *w, struct err *e)
{
    const char *type = w->o->type ? w->o->type : "";
    auto_free char *shown = text_quote(type);

    if (job_credentials_check(&w->o->job, e) < 0 || choose_format(w, e) < 0 ||
        selection_make(w->h, &w->o->selection, &w->root, &w->names, e) < 0)
        return -1;
    choose_name(w);
    w->base = xstrdup(w->o->job.url);
    w->token = coordinator_short_token(w->o->job.token);
    w->request_id = coordinator_request_id();
    w->shown = *type ? xasprintf("Uploading artifacts as \"%s\" to coordinator...", shown)
                     : xstrdup("Uploading artifacts to coordinator...");
    w->spec.root = w->root;
    w->spec.names = &w->names;
    return statement_add(w->h, &w->o->statement, &w->o->job, w->name, w->spec.format, w->root, &w->names, e);
}

static int keep(const struct work *w, struct err *e)
{
    auto_free char *file = file_name(w);

    return local_artifacts_keep(w->h, w->o->job.url, w->o->type ? w->o->type : "", file, &w->spec, e);
}

static int run(const struct helper *h, void *options, struct err *e)
{
    __attribute__((cleanup(work_release))) struct work w = { .h = h, .o = options };

    if (prepare(&w, e) < 0)
        return -1;
    if (w.names.n == 0) {
        report_line(&h->report, LOG_ERROR, "No files to upload");
        return 0;
    }
    if (local_artifacts_is(w.o->job.url))
        return keep(&w, e);
    for (int try = 0;; try++) {
        int rc = try_once(&w, try, e);
        if (rc <= 0)
            return rc;
    }
}

const struct helper_command artifacts_uploader = { "artifacts-uploader", "Send files of a job to GitLab", flags,
                                                   sizeof(struct options), run };
