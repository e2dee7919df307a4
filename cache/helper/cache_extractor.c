/* cache/helper/cache_extractor.c: `cache-extractor`: a cache from a server or from the host into the project (contract 3.6). */
#include "base/text.h"
#include "cache/helper/remote.h"
#include "cache/helper/unpack.h"
#include "cache/store/local.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct options {
    struct remote remote;
    const char *file;
    const char *head_url, *alternate_url, *alternate_head_url, *alternate_gocloud_url;
};

#define O(member) offsetof(struct options, member)

static const struct flag flags[] = {
    { "file", NULL, NULL, FLAG_TEXT, O(file), "the cache on this host" },
    { "head-url", NULL, NULL, FLAG_TEXT, O(head_url), "a presigned address that says how old the server's is" },
    { "alternate-url", NULL, NULL, FLAG_TEXT, O(alternate_url), "where it may be as well" },
    { "alternate-head-url", NULL, NULL, FLAG_TEXT, O(alternate_head_url), "how old that one is" },
    { "alternate-gocloud-url", NULL, NULL, FLAG_TEXT, O(alternate_gocloud_url), "where it may be as well" },
    REMOTE_FLAGS(O(remote)),
    { NULL, NULL, NULL, FLAG_TEXT, 0, NULL },
};

struct work {
    const struct helper *h;
    const struct options *o;
    struct strvec env;
    const char *url, *gocloud_url; /* the chosen ones; "" for none */
};

static const char *text(const char *option)
{
    return option ? option : "";
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* ---- Which of two ---- */

/* Seconds since the epoch; -1 when it is not there, or does not say. */
static int64_t age_of(const struct work *w, const char *head_url)
{
    const struct transfer t = remote_transfer(w->h);
    const struct object_tries tries = remote_tries(w->h, &w->o->remote);
    auto_object object = { 0 };
    auto_object_info info = { 0 };
    auto_err ignored = ERR_INIT;

    if (!*head_url)
        return -1;
    object_of_url(head_url, &object);
    return object_head(&t, &object, &tries, &info, &ignored) < 0 ? -1 : info.modified;
}

static void choose(struct work *w)
{
    const struct options *o = w->o;
    const struct report *report = &w->h->report;

    w->url = text(o->remote.url);
    w->gocloud_url = text(o->remote.gocloud_url);
    if (!*text(o->alternate_url) || strcmp(w->url, o->alternate_url) == 0)
        return;
    int64_t first = age_of(w, text(o->head_url)), second = age_of(w, text(o->alternate_head_url));
    if (second < 0 || first >= second) {
        report_line(report, LOG_INFO, "Selecting primary cache URL");
        return;
    }
    report_line(report, LOG_INFO, first < 0 ? "Selecting alternate cache URL: primary not available"
                                            : "Selecting alternate cache URL: newer timestamp");
    w->url = o->alternate_url;
}

/* ---- From the server to the host ---- */

struct download {
    const struct work *w;
    const struct object *object;
    int64_t here; /* the mtime of what is on the host; -1: nothing */
};

/* An object without a date is taken for older than whatever is here. */
static int wants(void *ctx, const struct object_info *info)
{
    const struct download *d = ctx;
    const struct report *report = &d->w->h->report;
    auto_strvec fields = STRVEC_INIT;
    auto_url shown = { 0 };

    if (d->here >= 0 && d->here >= info->modified) {
        report_line(report, LOG_INFO, "%s is up to date", base_name(d->w->o->file));
        return 1;
    }
    if (url_parse(d->object->url, &shown, NULL) < 0)
        return 0;
    strvec_pushf(&fields, "etag=%s", info->etag);
    report_fields(report, LOG_INFO, &fields, "Downloading %s from %s", base_name(d->w->o->file), shown.shown);
    return 0;
}

static int wait_for_writer(void *ctx, struct err *e)
{
    const struct work *w = ctx;

    (void)e;
    report_line(&w->h->report, LOG_INFO, "Waiting for another job that writes this cache...");
    return 0;
}

static int download_object(struct work *w, const struct object *object, struct err *e)
{
    const struct transfer t = remote_transfer(w->h);
    const struct object_tries tries = remote_tries(w->h, &w->o->remote);
    auto_store_draft draft = STORE_DRAFT_INIT;
    auto_object_info info = { 0 };
    struct stat st;

    if (store_begin(w->o->file, wait_for_writer, w, &draft, e) < 0)
        return -1;
    struct download d = { .w = w, .object = object, .here = stat(w->o->file, &st) == 0 ? (int64_t)st.st_mtime : -1 };
    int rc = object_get(&t, object, &tries, draft.fd, wants, &d, &info, e);
    return rc != 0 ? rc : store_commit(&draft, info.modified, &info.metadata, e);
}

static int download(struct work *w, struct err *e)
{
    auto_object object = { 0 };
    auto_s3_storage storage = { 0 };

    choose(w);
    if (!*w->url && !*w->gocloud_url) {
        report_line(&w->h->report, LOG_INFO, "No URL provided, cache will not be downloaded from shared cache server. "
                                             "Instead a local version of cache will be extracted.");
        return 0;
    }
    if (remote_object(w->url, w->gocloud_url, &w->env, &object, &storage, e) < 0)
        return -1;
    report_line(&w->h->report, LOG_INFO, object.is_signed_by_us ? "Using GoCloud URL for cache download"
                                                                : "Using presigned URL for cache download");
    return download_object(w, &object, e) < 0 ? -1 : 0;
}

/* ---- From the host into the project ---- */

static int extract(const struct work *w, int fd, struct err *e)
{
    if (unpack_here(w->h, fd, e) < 0)
        return err_wrap(e, "extract %s", base_name(w->o->file));
    store_note_use(w->o->file);
    return 0;
}

/* A cache that is not there is no mistake: a warning, and the script says that it went without. */
static int without(const struct work *w, const char *why)
{
    report_line(&w->h->report, LOG_WARNING, "%s", why);
    return 1;
}

static int run_with(struct work *w, struct err *e)
{
    auto_err problem = ERR_INIT;

    if (remote_environment(w->h, &w->o->remote, &w->env, &problem) < 0 || download(w, &problem) < 0)
        return without(w, err_text(&problem));
    auto_close int fd = open(w->o->file, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return without(w, "Cache file does not exist");
    if (fd < 0)
        return err_set(e, ERR_SYSTEM, errno, "open '%s': %s", w->o->file, strerror(errno));
    return extract(w, fd, e);
}

static int run(const struct helper *h, void *options, struct err *e)
{
    struct work w = { .h = h, .o = options, .url = "", .gocloud_url = "" };

    if (!*text(w.o->file))
        return without(&w, "Missing cache file");
    int rc = run_with(&w, e);
    strvec_release(&w.env);
    return rc;
}

const struct helper_command cache_extractor = { "cache-extractor", "Fetch and unpack a cache", flags,
                                                sizeof(struct options), run };
