/* cache/helper/cache_archiver.c: `cache-archiver`: files into a cache on the host, and to a server (contract 3.5). */
#include "cache/archive/write.h"
#include "cache/helper/local_cache.h"
#include "cache/helper/pack.h"
#include "cache/helper/remote.h"
#include "cache/helper/selection.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Of a key that is to be part of a header's name. */
#define METADATA_KEY "abcdefghijklmnopqrstuvwxyz0123456789-_"

struct options {
    struct selection selection;
    struct remote remote;
    const char *file, *alternate_file, *check_url;
    const char *metadata, *level, *format;
    struct strvec headers;
    int64_t size_max;
};

#define O(member) offsetof(struct options, member)

static const struct flag flags[] = {
    { "file", NULL, NULL, FLAG_TEXT, O(file), "the cache on this host" },
    { "alternate-file", NULL, NULL, FLAG_TEXT, O(alternate_file), "where it may still be" },
    { "check-url", NULL, NULL, FLAG_TEXT, O(check_url), "a presigned address that says whether the server has it" },
    { "header", NULL, NULL, FLAG_LIST, O(headers), "a header of the upload, \"Name: value\"" },
    { "metadata", "CACHE_METADATA", NULL, FLAG_TEXT, O(metadata), "what it is made for, a JSON object" },
    { "compression-level", "CACHE_COMPRESSION_LEVEL", NULL, FLAG_TEXT, O(level), "fastest, fast, default, slow, slowest" },
    { "compression-format", "CACHE_COMPRESSION_FORMAT", NULL, FLAG_TEXT, O(format), "zip or tarzstd" },
    { "max-uploaded-archive-size", "CACHE_MAX_UPLOADED_ARCHIVE_SIZE", NULL, FLAG_NUMBER, O(size_max),
      "in bytes; what is larger stays on this host" },
    SELECTION_FLAGS(O(selection)),
    REMOTE_FLAGS(O(remote)),
    { NULL, NULL, NULL, FLAG_TEXT, 0, NULL },
};

struct work {
    const struct helper *h;
    struct options *o;
    struct strvec env; /* with what --env-file says */
    struct strvec names;
    char *root;
};

static void work_release(struct work *w)
{
    strvec_release(&w->env);
    strvec_release(&w->names);
    free(w->root);
}

static bool has_server(const struct options *o)
{
    return (o->remote.url && *o->remote.url) || (o->remote.gocloud_url && *o->remote.gocloud_url);
}

static const char *of_env(const struct work *w, const char *option, const char *variable)
{
    const char *value = strvec_env(&w->env, variable);

    return option && *option ? option : value ? value : "";
}

/* ---- How it is made ---- */

/* The official helper reads tar.zst from 16.2 on. What only lies on this host is read by ours alone. */
static bool others_read_only_zip(const struct work *w)
{
    const char *version = env_get(w->h->env, "CI_RUNNER_VERSION");
    long major = 0, minor = 0;
    char *rest = NULL;

    if (!has_server(w->o))
        return false;
    if (version)
        major = strtol(version, &rest, 10);
    if (rest && *rest == '.')
        minor = strtol(rest + 1, NULL, 10);
    return major < 16 || (major == 16 && minor < 2);
}

static struct archive_spec spec_of(const struct work *w)
{
    const char *format = of_env(w, w->o->format, "CACHE_COMPRESSION_FORMAT");
    const char *level = of_env(w, w->o->level, "CACHE_COMPRESSION_LEVEL");
    struct archive_spec spec = { .format = FORMAT_ZIP, .root = w->root, .names = &w->names };

    if (!*format)
        spec.format = others_read_only_zip(w) ? FORMAT_ZIP : FORMAT_TAR_ZSTD;
    else if (archive_format_parse(format, &spec.format) < 0 || spec.format > FORMAT_TAR_ZSTD)
        spec.format = FORMAT_ZIP;
    spec.level = pack_level(level, &w->h->report);
    return spec;
}

/* CACHE_METADATA, as "key=value" with keys in lower case. */
static void read_metadata(const struct work *w, struct strvec *out)
{
    const char *text = of_env(w, w->o->metadata, "CACHE_METADATA");
    json_t *object = *text ? json_loads(text, 0, NULL) : NULL;
    const char *key;
    json_t *value;

    if (*text && !json_is_object(object))
        report_line(&w->h->report, LOG_WARNING, "the cache's metadata are no JSON object, and left out");
    json_object_foreach(object, key, value) {
        auto_free char *lower = xstrdup(key);
        for (char *c = lower; *c; c++)
            *c = (char)(*c >= 'A' && *c <= 'Z' ? *c + 'a' - 'A' : *c);
        strvec_pushf(out, "%s=%s", lower, json_is_string(value) ? json_string_value(value) : "");
    }
    json_decref(object);
}

/* ---- Whether it is made ---- */

static bool is_newer(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec > b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec > b->tv_nsec);
}

/* Nothing listed is newer than the archive. */
static bool is_up_to_date(const struct work *w)
{
    struct stat archive, st;
    auto_close int root = open(w->root, O_PATH | O_DIRECTORY | O_CLOEXEC);

    if (stat(w->o->file, &archive) < 0)
        return false;
    for (size_t i = 0; i < w->names.n; i++)
        if (fstatat(root, w->names.items[i], &st, AT_SYMLINK_NOFOLLOW) == 0 && is_newer(&st.st_mtim, &archive.st_mtim))
            return false;
    return true;
}

/* A key that was made safe by another rule in an earlier version of the runner. */
static void take_alternate(const struct work *w)
{
    const struct options *o = w->o;

    if (!o->alternate_file || !*o->alternate_file || strcmp(o->file, o->alternate_file) == 0 ||
        access(o->file, F_OK) == 0 || access(o->alternate_file, F_OK) < 0)
        return;
    auto_store_draft d = STORE_DRAFT_INIT;
    auto_err problem = ERR_INIT;
    if (local_cache_begin(w->h, o->file, &d, &problem) == 0 && rename(o->alternate_file, o->file) == 0)
        report_line(&w->h->report, LOG_INFO, "Renamed alternate cache file to primary");
}

/* Of two jobs that write it at once, the later one's stays, whole. */
static int make_archive(struct work *w, struct err *e)
{
    auto_store_draft d = STORE_DRAFT_INIT;
    auto_strvec metadata = STRVEC_INIT;

    if (local_cache_begin(w->h, w->o->file, &d, e) < 0)
        return -1;
    const struct archive_spec spec = spec_of(w);
    if (archive_write(&spec, pack_to_fd, &d.fd, &w->h->report, NULL, e) < 0)
        return err_wrap(e, "the cache was not written, an older one stays");
    read_metadata(w, &metadata);
    return store_commit(&d, -1, &metadata, e);
}

/* ---- To the server ---- */

/* Without white space around it; at most `len` bytes of it. */
static char *trimmed(const char *text, size_t len)
{
    static const char white[] = " \t";
    size_t skip = strspn(text, white);

    if (skip >= len)
        return xstrdup("");
    char *out = xstrndup(text + skip, len - skip);
    for (size_t end = strlen(out); end > 0 && strchr(white, out[end - 1]); end--)
        out[end - 1] = '\0';
    return out;
}

/* What the runner signed goes out as it is; the date is always the archive's, for extractors go by it. */
static void add_headers(const struct work *w, int64_t mtime, struct strvec *out)
{
    char date[64];
    time_t when = (time_t)mtime;
    struct tm tm;

    for (size_t i = 0; i < w->o->headers.n; i++) {
        const char *header = w->o->headers.items[i];
        size_t name = strcspn(header, ":");
        auto_free char *key = trimmed(header, name);
        auto_free char *value = trimmed(header + name + (header[name] == ':'), SIZE_MAX);
        if (*key && strcspn(header, "\r\n") == strlen(header) && strcasecmp(key, "Last-Modified") != 0)
            strvec_pushf(out, "%s: %s", key, value);
    }
    if (gmtime_r(&when, &tm) && strftime(date, sizeof(date), "Last-Modified: %a, %d %b %Y %H:%M:%S GMT", &tm) > 0)
        strvec_push(out, date);
}

/* The runner has them among --header, for an address that it presigned. */
static void add_metadata(const struct work *w, const char *prefix, struct strvec *out)
{
    auto_strvec metadata = STRVEC_INIT;

    read_metadata(w, &metadata);
    for (size_t i = 0; i < metadata.n; i++) {
        const char *entry = metadata.items[i];
        size_t key = strcspn(entry, "=");
        if (entry[strcspn(entry, "\r\n")] == '\0' && strspn(entry, METADATA_KEY) == key)
            strvec_pushf(out, "%s%.*s: %s", prefix, (int)key, entry, entry + key + 1);
    }
}

static int put(const struct work *w, const struct object *object, int fd, const struct stat *st, struct err *e)
{
    const struct transfer t = remote_transfer(w->h);
    const struct object_tries tries = remote_tries(w->h, &w->o->remote);
    auto_strvec headers = STRVEC_INIT;
    auto_url shown = { 0 };

    add_headers(w, (int64_t)st->st_mtime, &headers);
    if (object->is_gocloud)
        add_metadata(w, object->metadata_prefix, &headers);
    if (url_parse(object->url, &shown, e) < 0)
        return err_wrap(e, "--url");
    report_line(&w->h->report, LOG_INFO, "Uploading %s to %s", local_cache_name(w->o->file), shown.shown);
    return object_put(&t, object, &tries, fd, (int64_t)st->st_size, &headers, e);
}

static int upload(const struct work *w, struct err *e)
{
    const struct options *o = w->o;
    auto_object object = { 0 };
    struct stat st;

    if (!has_server(o)) {
        report_line(&w->h->report, LOG_INFO, "No URL provided, cache will not be uploaded to shared cache server. "
                                             "Cache will be stored only locally.");
        return 0;
    }
    auto_close int fd = open(o->file, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_set(e, ERR_SYSTEM, errno, "open '%s': %s", o->file, strerror(errno));
    if (o->size_max > 0 && st.st_size > o->size_max) {
        report_line(&w->h->report, LOG_INFO, "Cache archive size (%lld) is too big (Limit is set to %lld). "
                                             "Cache will be stored only locally.", (long long)st.st_size, (long long)o->size_max);
        return 0;
    }
    if (remote_object(o->remote.url, o->remote.gocloud_url, &w->env, &object, e) < 0)
        return -1;
    report_line(&w->h->report, LOG_INFO, object.is_gocloud ? "Using GoCloud URL for cache upload"
                                                                : "Using presigned URL for cache upload");
    return put(w, &object, fd, &st, e);
}

/* With scripts of 18.11 and later: the archive on the host may be one that the server never got, or lost. */
static bool is_on_server(const struct work *w)
{
    const struct transfer t = remote_transfer(w->h);
    const struct object_tries tries = remote_tries(w->h, &w->o->remote);
    auto_object object = { 0 };
    auto_object_info info = { 0 };
    auto_err ignored = ERR_INIT;

    object_of_url(w->o->check_url, &object);
    return object_head(&t, &object, &tries, &info, &ignored) == 0;
}

static int up_to_date(const struct work *w, struct err *e)
{
    const char *check = w->o->check_url;

    if (!check || !*check || !has_server(w->o)) {
        report_line(&w->h->report, LOG_INFO, "Archive is up to date!");
        return 0;
    }
    if (is_on_server(w)) {
        report_line(&w->h->report, LOG_INFO, "Primary cache already exists remotely, skipping upload");
        return 0;
    }
    report_line(&w->h->report, LOG_INFO, "Primary cache does not exist remotely, uploading existing archive");
    return upload(w, e);
}

static int run(const struct helper *h, void *options, struct err *e)
{
    __attribute__((cleanup(work_release))) struct work w = { .h = h, .o = options };

    if (!w.o->file || !*w.o->file)
        return err_set(e, ERR_USAGE, 0, "Missing --file");
    if (remote_environment(h, &w.o->remote, &w.env, e) < 0)
        return -1;
    take_alternate(&w);
    if (selection_make(h, &w.o->selection, &w.root, &w.names, e) < 0)
        return -1;
    if (w.names.n == 0) {
        report_line(&h->report, LOG_WARNING, "No files to cache.");
        return 0;
    }
    if (is_up_to_date(&w))
        return up_to_date(&w, e);
    return make_archive(&w, e) < 0 ? -1 : upload(&w, e);
}

const struct helper_command cache_archiver = { "cache-archiver", "Make and upload a cache", flags,
                                               sizeof(struct options), run };
