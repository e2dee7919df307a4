/* cache/helper/cache_extractor.c: `cache-extractor`: a cache from a server or from the host into the project (contract 3.6). */
#include "base/text.h"
#include "cache/helper/local_cache.h"
#include "cache/helper/remote.h"
#include "cache/helper/unpack.h"

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
};

static const char *text(const char *option)
{
    return option ? option : "";
}

/* ---- Which of two ---- */

/* Where a cache may be: one of the first two, or nowhere. */
struct source {
    const char *url, *gocloud_url;
    const char *head_url; /* presigned; what we sign ourselves needs none */
};

static bool is_given(const struct source *s)
{
    return *s->url || *s->gocloud_url;
}

static bool is_same(const struct source *a, const struct source *b)
{
    return strcmp(a->url, b->url) == 0 && strcmp(a->gocloud_url, b->gocloud_url) == 0;
}

/* 0, with seconds since the epoch (-1: its server does not say); -1 when there is none. */
static int read_age(const struct work *w, const struct source *s, int64_t *out)
{
    const struct transfer t = remote_transfer(w->h);
    const struct object_tries tries = remote_tries(w->h, &w->o->remote);
    auto_object object = { 0 };
    auto_object_info info = { 0 };
    auto_err ignored = ERR_INIT;

    if (remote_object(s->head_url, s->gocloud_url, &w->env, &object, &ignored) < 0 ||
        object_head(&t, &object, &tries, &info, &ignored) < 0)
        return -1;
    *out = info.modified;
    return 0;
}

static bool can_ask(const struct source *s)
{
    return *s->gocloud_url || *s->head_url;
}

static bool is_second_newer(const struct work *w, const struct source *first, const struct source *second)
{
    int64_t first_age = -1, second_age = -1;
    bool has_first = read_age(w, first, &first_age) == 0, has_second = read_age(w, second, &second_age) == 0;

    if (!has_second || (has_first && first_age >= second_age)) {
        report_line(&w->h->report, LOG_INFO, "Selecting primary cache URL");
        return false;
    }
    report_line(&w->h->report, LOG_INFO, has_first ? "Selecting alternate cache URL: newer timestamp"
                                                   : "Selecting alternate cache URL: primary not available");
    return true;
}

/* Where to look, in this order, until it is there: in the newer of two, or in both when their ages cannot be asked
 * for. Returns how many. */
static size_t choose(const struct work *w, struct source order[2])
{
    const struct options *o = w->o;
    const struct source first = { text(o->remote.url), text(o->remote.gocloud_url), text(o->head_url) };
    const struct source second = { text(o->alternate_url), text(o->alternate_gocloud_url), text(o->alternate_head_url) };

    order[0] = first;
    order[1] = second;
    if (!is_given(&second) || is_same(&first, &second))
        return is_given(&first) ? 1 : 0;
    if (!can_ask(&first) || !can_ask(&second))
        return 2;
    order[0] = is_second_newer(w, &first, &second) ? second : first;
    return 1;
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
    const char *name = local_cache_name(d->w->o->file);

    if (d->here >= 0 && d->here >= info->modified) {
        report_line(report, LOG_INFO, "%s is up to date", name);
        return 1;
    }
    if (url_parse(d->object->url, &shown, NULL) < 0)
        return 0;
    strvec_pushf(&fields, "etag=%s", info->etag);
    report_fields(report, LOG_INFO, &fields, "Downloading %s from %s%s", name, shown.shown,
                  info->parallel ? " (parallel)" : "");
    return 0;
}

static int download_object(const struct work *w, const struct object *object, struct err *e)
{
    const struct transfer t = remote_transfer(w->h);
    const struct object_tries tries = remote_tries(w->h, &w->o->remote);
    auto_store_draft draft = STORE_DRAFT_INIT;
    auto_object_info info = { 0 };
    struct stat st;

    if (local_cache_begin(w->h, w->o->file, &draft, e) < 0)
        return -1;
    struct download d = { .w = w, .object = object, .here = stat(w->o->file, &st) == 0 ? (int64_t)st.st_mtime : -1 };
    int rc = object_get(&t, object, &tries, draft.fd, wants, &d, &info, e);
    return rc != 0 ? rc : store_commit(&draft, info.modified, &info.metadata, e);
}

static int download_from(const struct work *w, const struct source *from, struct err *e)
{
    auto_object object = { 0 };

    if (remote_object(from->url, from->gocloud_url, &w->env, &object, e) < 0)
        return -1;
    report_line(&w->h->report, LOG_INFO, object.is_gocloud ? "Using GoCloud URL for cache download"
                                                                : "Using presigned URL for cache download");
    return download_object(w, &object, e) < 0 ? -1 : 0;
}

static int download(const struct work *w, struct err *e)
{
    struct source order[2];
    size_t n = choose(w, order);
    int rc = 0;

    if (n == 0)
        report_line(&w->h->report, LOG_INFO, "No URL provided, cache will not be downloaded from shared cache server. "
                                             "Instead a local version of cache will be extracted.");
    for (size_t i = 0; i < n; i++) {
        err_release(e);
        rc = download_from(w, &order[i], e);
        if (rc == 0 || e->kind != ERR_NOT_FOUND)
            return rc;
    }
    if (rc == 0 || !*order[n - 1].gocloud_url)
        return rc;
    err_release(e); /* as with gitlab-runner: then what lies on this host will do */
    return 0;
}

/* ---- From the host into the project ---- */

static int extract(const struct work *w, int fd, struct err *e)
{
    if (unpack_here(w->h, fd, e) < 0)
        return err_wrap(e, "extract %s", local_cache_name(w->o->file));
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
    struct work w = { .h = h, .o = options };

    if (!*text(w.o->file))
        return without(&w, "Missing cache file");
    int rc = run_with(&w, e);
    strvec_release(&w.env);
    return rc;
}

const struct helper_command cache_extractor = { "cache-extractor", "Fetch and unpack a cache", flags,
                                                sizeof(struct options), run };
