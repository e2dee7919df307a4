/* cache/helper/artifacts_downloader.c: `artifacts-downloader`: another job's artifacts into the project (contract 3.8). */
#include "base/file.h"
#include "base/number.h"
#include "base/text.h"
#include "cache/helper/idle.h"
#include "cache/helper/job_credentials.h"
#include "cache/helper/local_artifacts.h"
#include "cache/helper/unpack.h"
#include "cache/transfer/download.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define REDIRECTS  10
#define IDLE_MS    ((int64_t)60000)
#define TIMEOUT_MS ((int64_t)3600000)
#define RANGES_MAX 64
#define PAUSE_MAX_MS ((int64_t)60000)

struct options {
    struct job_credentials job;
    bool direct;
    const char *staging;
    int64_t more_tries, pause_ms, meter_ms;
    int64_t piece, buffer, side_by_side;
};

#define O(member) offsetof(struct options, member)

static const struct flag flags[] = {
    JOB_CREDENTIALS_FLAGS(O(job)),
    { "direct-download", "FF_USE_DIRECT_DOWNLOAD", NULL, FLAG_SWITCH, O(direct), "from where GitLab keeps them" },
    { "archiver-staging-dir", "ARCHIVER_STAGING_DIR", NULL, FLAG_TEXT, O(staging), "where they lie until they are unpacked" },
    { "retry", NULL, "2", FLAG_NUMBER, O(more_tries), "how often it is tried again" },
    { "retry-time", NULL, "1s", FLAG_DURATION, O(pause_ms), "the pause before" },
    { "transfer-meter-frequency", "TRANSFER_METER_FREQUENCY", NULL, FLAG_DURATION, O(meter_ms), "how often progress is shown" },
    { "transfer-buffer-size", "ARTIFACT_TRANSFER_BUFFER_SIZE", NULL, FLAG_NUMBER, O(buffer), "has no effect" },
    { "chunk-size", "ARTIFACT_CHUNK_SIZE", "16777216", FLAG_NUMBER, O(piece), "fetch what is larger in several ranges" },
    { "concurrency", "ARTIFACT_CONCURRENCY", "16", FLAG_NUMBER, O(side_by_side), "how many ranges side by side" },
    { NULL, NULL, NULL, FLAG_TEXT, 0, NULL },
};

struct work {
    const struct helper *h;
    const struct options *o;
    char *token;      /* shortened */
    char *request_id; /* the header */
    int fd;           /* where the archive goes */
    struct download download;
    bool said_where;
};

static int check(const struct helper *h, const struct options *o, struct err *e)
{
    const struct {
        bool missing;
        const char *line;
    } wants[] = {
        { !o->job.url || !*o->job.url, "Missing URL (--url)" },
        { !o->job.token || !*o->job.token, "Missing runner credentials (--token)" },
        { o->job.id <= 0, "Missing build ID (--id)" },
    };
    bool missing = false;

    for (size_t i = 0; i < ARRAY_SIZE(wants); i++) {
        if (wants[i].missing)
            report_line(&h->report, LOG_WARNING, "%s", wants[i].line);
        missing = missing || wants[i].missing;
    }
    return missing ? err_set(e, ERR_USAGE, 0, "Incomplete arguments") : 0;
}

/* A file without a name: whatever becomes of us, it goes. */
static int open_staging(struct work *w, struct err *e)
{
    const char *given = w->o->staging && *w->o->staging ? w->o->staging : env_get(w->h->env, "TMPDIR");
    const char *folder = given ? given : "/tmp";
    auto_free char *path = xasprintf("%s/artifactsXXXXXX", folder);

    w->fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (w->fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR)) { /* an overlay of an older kernel */
        w->fd = mkostemp(path, O_CLOEXEC);
        if (w->fd >= 0)
            (void)unlink(path);
    }
    return w->fd < 0 ? err_set(e, ERR_SYSTEM, errno, "make a file in '%s': %s", folder, strerror(errno)) : 0;
}

/* What an answer means: the words of the line, and of the last one when there is no other try. */
static const struct verdict {
    int status;
    const char *words;
    const char *fatal; /* NULL: it is tried again */
} verdicts[] = {
    { 401, "unauthorized", "permission denied" },
    { 403, "forbidden", "permission denied" },
    { 404, "not found", "file does not exist" },
    { 0, "failed", NULL },
};

static const struct verdict *verdict_of(int status)
{
    size_t i = 0;

    while (verdicts[i].status && verdicts[i].status != status)
        i++;
    return &verdicts[i];
}

static bool wants_ranges(const struct helper *h)
{
    const char *flag = env_get(h->env, "FF_USE_PARALLEL_ARTIFACT_TRANSFER");
    bool wanted = false;

    return flag && bool_parse(flag, &wanted) == 0 && wanted;
}

static void say_where(void *ctx, const struct url *to)
{
    struct work *w = ctx;
    auto_free char *host = url_host(to);

    if (!w->said_where)
        report_line(&w->h->report, LOG_INFO, "Direct download from %s", host);
    w->said_where = true;
}

static int fetch(struct work *w, bool direct, struct http_response *r, struct err *e)
{
    const struct coordinator c = { .url = w->o->job.url, .token = w->o->job.token, .id = w->o->job.id };
    auto_free char *url = coordinator_artifacts_url(&c, direct ? "direct_download=true" : "");
    auto_free char *private = coordinator_header(&c);
    auto_strvec headers = STRVEC_INIT;
    const struct transfer_request q = { .method = "GET", .url = url, .headers = &headers, .private_header = private,
                                        .timeout_ms = TIMEOUT_MS, .idle_ms = idle_ms(w->h, IDLE_MS), .redirects = REDIRECTS,
                                        .on_redirect = direct ? say_where : NULL, .redirect_ctx = w };

    strvec_push(&headers, w->request_id);
    if (download_try(&w->download, &q, r, e) == 0)
        return download_finish(&w->download, e);
    return e->kind == ERR_CONFLICT ? err_wrap(e, "keep the archive until it is unpacked") : -1;
}

/* r is NULL when no answer came. */
static void describe(const struct work *w, const struct http_response *r, struct strvec *fields)
{
    char text[64];
    auto_url host = { 0 };

    if (url_parse(w->o->job.url, &host, NULL) == 0) {
        auto_free char *name = url_host(&host);
        strvec_pushf(fields, "host=%s", name);
    }
    strvec_pushf(fields, "id=%lld", (long long)w->o->job.id);
    if (r) {
        strvec_pushf(fields, "correlation_id=%s", coordinator_correlation(w->request_id, r));
        strvec_pushf(fields, "responseStatus=%s", transfer_status(r->status, text, sizeof(text)));
    }
    strvec_pushf(fields, "token=%s", w->token);
}

/* Each try waits twice as long as the one before, unless GitLab says how long. */
static int wait_for_next(const struct work *w, int try, const struct http_response *r, struct err *e)
{
    int64_t first_ms = w->o->pause_ms < PAUSE_MAX_MS ? w->o->pause_ms : PAUSE_MAX_MS;
    int64_t otherwise_ms = first_ms << (try < 6 ? try : 6);

    return transfer_pause(w->download.transfer, coordinator_wait_ms(r, otherwise_ms), e) < 0 ? -1 : 1;
}

/* One try: 0 done, 1 again, -1 the end. */
static int try_once(struct work *w, int try, struct err *e)
{
    auto_http_response r = HTTP_RESPONSE_INIT;
    auto_strvec fields = STRVEC_INIT;
    auto_err problem = ERR_INIT;
    const char *line = "Downloading artifacts from coordinator...";

    int rc = fetch(w, w->o->direct && try == 0, &r, &problem);
    bool refused = rc < 0 && r.status != 0 && r.status / 100 != 2;
    describe(w, rc < 0 && !refused ? NULL : &r, &fields);
    if (rc == 0) {
        report_fields(&w->h->report, LOG_INFO, &fields, "%s ok", line);
        return 0;
    }
    if (!refused && problem.kind != ERR_SYSTEM)
        return err_move(e, &problem);
    const struct verdict *v = verdict_of(refused ? r.status : 0);
    if (!refused)
        strvec_pushf(&fields, "error=%s", err_text(&problem));
    report_fields(&w->h->report, v->fatal ? LOG_ERROR : LOG_WARNING, &fields, "%s %s", line, v->words);
    if (v->fatal)
        return err_set(e, ERR_SYSTEM, r.status, "%s", v->fatal);
    if (try >= w->o->more_tries)
        return refused ? err_set(e, ERR_SYSTEM, r.status, "invalid argument") : err_move(e, &problem);
    return wait_for_next(w, try, &r, e);
}

static int try_all(struct work *w, struct err *e)
{
    for (int try = 0;; try++) {
        int rc = try_once(w, try, e);
        if (rc <= 0)
            return rc;
    }
}

static int download(struct work *w, struct err *e)
{
    const struct transfer t = job_credentials_transfer(w->h, &w->o->job);
    auto_object_info info = { 0 };

    w->download = (struct download){
        .transfer = &t,
        .fd = w->fd,
        .info = &info,
        .side_by_side = (int)(w->o->side_by_side > RANGES_MAX ? RANGES_MAX : w->o->side_by_side),
        .piece = wants_ranges(w->h) ? w->o->piece : 0,
    };
    meter_begin(&w->download.meter, "Downloading artifacts", w->o->meter_ms, 0);
    int rc = try_all(w, e);
    meter_end(&w->download.meter);
    download_release(&w->download);
    return rc;
}

/* Without a GitLab. */
static int take_kept(const struct helper *h, const struct options *o, struct err *e)
{
    auto_close int fd = -1;

    return local_artifacts_open(h, o->job.url, &fd, e) < 0 ? -1 : unpack_here(h, fd, e);
}

static int run(const struct helper *h, void *options, struct err *e)
{
    struct work w = { .h = h, .o = options, .fd = -1 };

    if (check(h, w.o, e) < 0)
        return -1;
    if (local_artifacts_is(w.o->job.url))
        return take_kept(h, w.o, e);
    if (open_staging(&w, e) < 0)
        return -1;
    w.token = coordinator_short_token(w.o->job.token);
    w.request_id = coordinator_request_id();
    int rc = download(&w, e);
    if (rc == 0)
        rc = unpack_here(h, w.fd, e);
    free(w.token);
    free(w.request_id);
    (void)close(w.fd);
    return rc;
}

const struct helper_command artifacts_downloader = { "artifacts-downloader", "Fetch and unpack another job's files", flags,
                                                     sizeof(struct options), run };
