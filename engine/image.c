#include "engine/image.h"

#include "engine/call.h"
#include "engine/transfer.h"

#include <string.h>

static const struct image_transfer plain = { 0 };

/* A name as the API wants it: in the words of whoever wrote it, but in two parts. */
struct two_parts {
    char *repository;
    char *tag; /* or digest */
};

static void two_parts_release(struct two_parts *p)
{
    free(p->repository);
    free(p->tag);
}
#define auto_two_parts __attribute__((cleanup(two_parts_release))) struct two_parts

static int split(const char *name, struct two_parts *out, struct err *e)
{
    auto_image_reference r = { 0 };
    if (image_reference_parse(name, &r, e) < 0)
        return -1;
    size_t len = strcspn(name, "@");
    if (r.tag)
        len -= strlen(r.tag) + 1;
    out->repository = xstrndup(name, len);
    out->tag = xstrdup(r.digest ? r.digest : r.tag ? r.tag : "latest");
    return 0;
}

/* Make a call that is answered by a stream of messages. */
static int carry(struct engine *d, struct engine_call *c, struct transfer *t, struct err *e)
{
    c->on_data = message_data;
    c->data_ctx = &t->reader;
    c->watch = t->how->watch;
    c->timeout_ms = CALL_ENDLESS;
    c->idle_ms = CALL_SLOW_MS;
    int result = engine_call(d, c, NULL, e);
    if (result == 0 && transfer_finish(t, e) < 0)
        result = engine_wrap(c, e);
    transfer_release(t);
    return result;
}

static int auth_headers(const struct registry_auth *auth, struct strvec *out, struct err *e)
{
    char *header = registry_auth_header(auth);
    if (!header)
        return err_set(e, ERR_CONFIG, 0, "the registry's user name or password is not UTF-8");
    strvec_give(out, header);
    return 0;
}

int image_inspect(struct engine *d, const char *name, json_t **out, struct err *e)
{
    const struct engine_call c = {
        .what = "inspect image",
        .name = name,
        .method = "GET",
        .path = "/images/{}/json",
    };
    return engine_call(d, &c, out, e);
}

/* What daemons and registries say when there is no such image, or none for us.
 * Some say it with status 404, some with 500, some in the stream. */
static bool says_not_found(const char *text)
{
    static const char *const words[] = {
        "not found",    "manifest unknown",          "pull access denied",
        "unauthorized", "repository does not exist", "no basic auth credentials"
    };
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        if (strcasestr(text, words[i]))
            return true;
    }
    return false;
}

/* A watch hears of a signal once: what ends one pull ends all. */
struct shared_watch {
    const struct engine_watch *of;
    struct err ended;
};

#define SHARED_LOOK_MS ((int64_t)500) /* one that was not woken with the others looks by itself */

static int shared_tick(void *ctx, int64_t *next_ms, struct err *e)
{
    struct shared_watch *w = ctx;

    if (w->ended.kind == ERR_NONE && w->of->tick(w->of->ctx, next_ms, &w->ended) == 0) {
        *next_ms = *next_ms < 0 || *next_ms > SHARED_LOOK_MS ? SHARED_LOOK_MS : *next_ms;
        return 0;
    }
    return err_set(e, w->ended.kind, w->ended.code, "%s", err_text(&w->ended));
}

/* One pull with all that its call points to. */
struct pull {
    struct two_parts parts;
    struct strvec headers;
    struct strbuf query;
    struct transfer transfer;
    struct err *e;
};

static void pull_release(struct pull *p)
{
    two_parts_release(&p->parts);
    strvec_release(&p->headers);
    strbuf_release(&p->query);
    transfer_release(&p->transfer);
}

static int pull_prepare(struct pull *p, const char *name, const struct image_transfer *how,
                        const struct engine_watch *watch, struct engine_call *c)
{
    if (split(name, &p->parts, p->e) < 0 || auth_headers(how->auth, &p->headers, p->e) < 0)
        return -1;
    engine_query(&p->query, "fromImage", p->parts.repository);
    engine_query(&p->query, "tag", p->parts.tag);
    engine_query(&p->query, "platform", how->platform);
    transfer_init(&p->transfer, "Pulling", "Pulled", name, how);
    *c = (struct engine_call){
        .what = "pull image",
        .name = name,
        .method = "POST",
        .path = "/images/create",
        .query = strbuf_text(&p->query),
        .headers = &p->headers,
        .on_data = message_data,
        .data_ctx = &p->transfer.reader,
        .watch = watch,
        .timeout_ms = CALL_ENDLESS,
        .idle_ms = CALL_SLOW_MS,
    };
    return 0;
}

static int pull_finish(struct pull *p, const struct engine_call *c)
{
    if (p->e->kind == ERR_NONE && transfer_finish(&p->transfer, p->e) < 0)
        (void)engine_wrap(c, p->e);
    if (p->e->kind == ERR_SYSTEM && says_not_found(err_text(p->e)))
        p->e->kind = ERR_NOT_FOUND;
    return p->e->kind == ERR_NONE ? 0 : -1;
}

int image_pull_all(struct engine *d, const char *const *names, const struct image_transfer *how, struct err *errs, size_t n)
{
    auto_free struct pull *pulls = xcalloc(n + 1, sizeof(*pulls));
    auto_free struct engine_call *calls = xcalloc(n + 1, sizeof(*calls));
    auto_free struct err *answers = xcalloc(n + 1, sizeof(*answers));
    struct shared_watch shared = { n > 0 ? how[0].watch : NULL, ERR_INIT };
    const bool sharing = n > 1 && shared.of && shared.of->tick;
    const struct engine_watch watch = { shared_tick, &shared, sharing ? shared.of->wake_fd : -1 };
    size_t called = 0;
    int rc = 0;

    for (size_t i = 0; i < n; i++) {
        struct pull *p = &pulls[called];
        *p = (struct pull){ .query = STRBUF_TEXT, .e = &errs[i] };
        if (pull_prepare(p, names[i], &how[i], sharing ? &watch : shared.of, &calls[called]) == 0) {
            called++;
            continue;
        }
        pull_release(p);
        rc = -1;
    }
    (void)engine_call_all(d, calls, answers, called);
    for (size_t i = 0; i < called; i++) {
        if (answers[i].kind != ERR_NONE)
            (void)err_move(pulls[i].e, &answers[i]);
        if (pull_finish(&pulls[i], &calls[i]) < 0)
            rc = -1;
        pull_release(&pulls[i]);
    }
    err_release(&shared.ended);
    return rc;
}

int image_pull(struct engine *d, const char *name, const struct image_transfer *t, struct err *e)
{
    auto_err problem = ERR_INIT;

    return image_pull_all(d, &name, t ? t : &plain, &problem, 1) < 0 ? err_move(e, &problem) : 0;
}

int image_push(struct engine *d, const char *name, const struct image_transfer *t, struct err *e)
{
    const struct image_transfer *how = t ? t : &plain;
    auto_two_parts parts = { 0 };
    auto_strvec headers = STRVEC_INIT;
    if (split(name, &parts, e) < 0 || auth_headers(how->auth, &headers, e) < 0)
        return -1;
    auto_strbuf query = STRBUF_TEXT;
    engine_query(&query, "tag", parts.tag);
    struct engine_call c = {
        .what = "push image",
        .name = parts.repository,
        .method = "POST",
        .path = "/images/{}/push",
        .query = strbuf_text(&query),
        .headers = &headers,
    };
    struct transfer transfer;
    transfer_init(&transfer, "Pushing", "Pushed", name, how);
    return carry(d, &c, &transfer, e);
}

int image_tag(struct engine *d, const char *name, const char *new_name, struct err *e)
{
    auto_two_parts parts = { 0 };
    if (split(new_name, &parts, e) < 0)
        return -1;
    auto_strbuf query = STRBUF_TEXT;
    engine_query(&query, "repo", parts.repository);
    engine_query(&query, "tag", parts.tag);
    const struct engine_call c = {
        .what = "tag image",
        .name = name,
        .method = "POST",
        .path = "/images/{}/tag",
        .query = strbuf_text(&query),
    };
    return engine_call(d, &c, NULL, e);
}

int image_list(struct engine *d, json_t **out, struct err *e)
{
    const struct engine_call c = { .what = "list images", .method = "GET", .path = "/images/json" };
    return engine_call(d, &c, out, e);
}

int image_remove(struct engine *d, const char *name, struct err *e)
{
    const struct engine_call c = {
        .what = "remove image",
        .name = name,
        .method = "DELETE",
        .path = "/images/{}",
        .timeout_ms = CALL_SLOW_MS,
        .gone_is_fine = true,
    };
    return engine_call(d, &c, NULL, e);
}

int image_load(struct engine *d, http_source_fn *source, void *ctx, struct err *e)
{
    struct engine_call c = {
        .what = "load images",
        .method = "POST",
        .path = "/images/load",
        .query = "quiet=1",
        .source = source,
        .source_ctx = ctx,
    };
    struct transfer transfer;
    transfer_init(&transfer, "Loading", "Loaded", "images", &plain);
    return carry(d, &c, &transfer, e);
}

int image_import(struct engine *d, const char *name, const struct strvec *changes, http_source_fn *source,
                 void *ctx, struct err *e)
{
    auto_two_parts parts = { 0 };
    if (split(name, &parts, e) < 0)
        return -1;
    auto_strbuf query = STRBUF_TEXT;
    auto_free char *whole = xasprintf("%s:%s", parts.repository, parts.tag); /* Podman 4 ignores a `tag` */
    engine_query(&query, "fromSrc", "-");
    engine_query(&query, "repo", whole);
    for (size_t i = 0; changes && i < changes->n; i++)
        engine_query(&query, "changes", changes->items[i]);
    struct engine_call c = {
        .what = "import image",
        .name = name,
        .method = "POST",
        .path = "/images/create",
        .query = strbuf_text(&query),
        .source = source,
        .source_ctx = ctx,
    };
    struct transfer transfer;
    transfer_init(&transfer, "Importing", "Imported", name, &plain);
    return carry(d, &c, &transfer, e);
}
