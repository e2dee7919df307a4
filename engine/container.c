#include "engine/container.h"

#include "engine/call.h"
#include "engine/make.h"
#include "engine/stream.h"

#include <string.h>

static const struct engine_call start_call = {
    .what = "start container",
    .method = "POST",
    .path = "/containers/{}/start",
    .timeout_ms = CALL_SLOW_MS,
};

static const struct engine_call remove_call = {
    .what = "remove container",
    .method = "DELETE",
    .path = "/containers/{}",
    .query = "force=1&v=1",
    .timeout_ms = CALL_SLOW_MS,
    .gone_is_fine = true,
    .fine_conflict = "in progress",
};

static int call_one(struct engine *d, const struct engine_call *like, const char *id, struct err *e)
{
    struct engine_call c = *like;
    c.name = id;
    return engine_call(d, &c, NULL, e);
}

static int call_each(struct engine *d, const struct engine_call *like, const char *const *ids,
                     struct err *errs, size_t n)
{
    auto_free struct engine_call *calls = xcalloc(n ? n : 1, sizeof(*calls));
    for (size_t i = 0; i < n; i++) {
        calls[i] = *like;
        calls[i].name = ids[i];
    }
    return engine_call_all(d, calls, errs, n);
}

int container_create(struct engine *d, const char *name, const char *platform, const json_t *config,
                     char **id, struct err *e)
{
    struct make one = { .name = name, .platform = platform, .config = config };
    auto_err problem = ERR_INIT;

    if (make_all(d, &one, &problem, 1) < 0)
        return err_move(e, &problem);
    *id = one.id;
    return 0;
}

int container_start(struct engine *d, const char *id, struct err *e)
{
    return call_one(d, &start_call, id, e);
}

int container_start_all(struct engine *d, const char *const *ids, struct err *errs, size_t n)
{
    return call_each(d, &start_call, ids, errs, n);
}

int container_inspect(struct engine *d, const char *id, json_t **out, struct err *e)
{
    const struct engine_call c = {
        .what = "inspect container",
        .name = id,
        .method = "GET",
        .path = "/containers/{}/json",
    };
    return engine_call(d, &c, out, e);
}

int container_memory(struct engine *d, const char *id, int64_t *bytes, struct err *e)
{
    const struct engine_call c = {
        .what = "measure container",
        .name = id,
        .method = "GET",
        .path = "/containers/{}/stats",
        .query = "stream=0&one-shot=1",
        .timeout_ms = CALL_SLOW_MS,
    };
    auto_json *answer = NULL;

    if (engine_call(d, &c, &answer, e) < 0)
        return -1;
    const json_t *memory = json_object_get(answer, "memory_stats");
    const json_t *parts = json_object_get(memory, "stats");
    /* The names of cgroup v1 and v2. */
    int64_t idle = json_number(parts, "total_inactive_file", json_number(parts, "inactive_file", 0));
    int64_t usage = json_number(memory, "usage", 0);
    *bytes = usage > idle ? usage - idle : 0;
    return 0;
}

int container_list(struct engine *d, const struct strvec *labels, json_t **out, struct err *e)
{
    return engine_list(d, "list containers", "/containers/json", labels, out, e);
}

int container_kill(struct engine *d, const char *id, const char *signal, struct err *e)
{
    auto_strbuf query = STRBUF_TEXT;
    engine_query(&query, "signal", signal);
    const struct engine_call c = {
        .what = "kill container",
        .name = id,
        .method = "POST",
        .path = "/containers/{}/kill",
        .query = strbuf_text(&query),
        .gone_is_fine = true,
        .fine_conflict = "is not running",
    };
    return engine_call(d, &c, NULL, e);
}

int container_stop_all(struct engine *d, const char *const *ids, int64_t grace_ms, struct err *errs, size_t n)
{
    auto_free char *query = xasprintf("t=%lld", (long long)((grace_ms + 999) / 1000));
    const struct engine_call stop = {
        .what = "stop container",
        .method = "POST",
        .path = "/containers/{}/stop",
        .query = query,
        .gone_is_fine = true,
        .timeout_ms = grace_ms + CALL_SLOW_MS,
    };
    return call_each(d, &stop, ids, errs, n);
}

int container_remove(struct engine *d, const char *id, struct err *e)
{
    return call_one(d, &remove_call, id, e);
}

int container_remove_all(struct engine *d, const char *const *ids, struct err *errs, size_t n)
{
    return call_each(d, &remove_call, ids, errs, n);
}

int container_wait(struct engine *d, const char *id, const struct engine_watch *watch, int *code,
                   struct err *e)
{
    const struct engine_call c = {
        .what = "wait for container",
        .name = id,
        .method = "POST",
        .path = "/containers/{}/wait",
        .query = "condition=not-running",
        .watch = watch,
        .timeout_ms = CALL_ENDLESS,
    };
    auto_json *answer = NULL;
    if (engine_call(d, &c, &answer, e) < 0)
        return -1;
    int64_t status = json_number(answer, "StatusCode", -1);
    if (status < 0) {
        (void)err_set(e, ERR_SYSTEM, 0, "the daemon ended the wait without an exit code");
        return engine_wrap(&c, e);
    }
    *code = (int)status;
    return 0;
}

/* The end of a log, as much as its buffer holds. */
struct tail {
    struct stream_decoder decoder;
    struct strbuf text;
};

static int tail_add(void *ctx, enum stream_kind kind, const char *data, size_t len, struct err *e)
{
    (void)kind;
    (void)e;
    struct strbuf *text = &((struct tail *)ctx)->text;
    if (len > text->max) {
        data += len - text->max;
        len = text->max;
    }
    if (text->len + len > text->max)
        strbuf_drop(text, text->len + len - text->max);
    strbuf_putn(text, data, len);
    return 0;
}

static int tail_data(void *ctx, const char *data, size_t len, struct err *e)
{
    struct tail *t = ctx;
    return stream_decode(&t->decoder, data, len, tail_add, t, e);
}

int container_logs(struct engine *d, const char *id, int lines, size_t max, char **out, struct err *e)
{
    struct tail t = { STREAM_DECODER_INIT, STRBUF_INIT(max) };
    auto_free char *query = xasprintf("stdout=1&stderr=1&tail=%d", lines);
    const struct engine_call c = {
        .what = "read the log of container",
        .name = id,
        .method = "GET",
        .path = "/containers/{}/logs",
        .query = query,
        .on_data = tail_data,
        .data_ctx = &t,
    };
    int result = engine_call(d, &c, NULL, e);
    if (result == 0 && stream_finish(&t.decoder, e) < 0)
        result = engine_wrap(&c, e);
    if (result == 0)
        *out = strbuf_take(&t.text);
    strbuf_release(&t.text);
    return result;
}
