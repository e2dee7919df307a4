#include "engine/archive.h"

#include "engine/call.h"

int archive_put(struct engine *d, const char *container, const char *path, http_source_fn *source, void *ctx,
                struct err *e)
{
    auto_strbuf query = STRBUF_TEXT;
    engine_query(&query, "path", path);
    const struct engine_call c = {
        .what = "copy files into container",
        .name = container,
        .method = "PUT",
        .path = "/containers/{}/archive",
        .query = strbuf_text(&query),
        .source = source,
        .source_ctx = ctx,
        .timeout_ms = CALL_ENDLESS,
        .idle_ms = CALL_SLOW_MS,
    };
    return engine_call(d, &c, NULL, e);
}

int archive_get(struct engine *d, const char *container, const char *path, http_data_fn *on_data, void *ctx,
                struct err *e)
{
    auto_strbuf query = STRBUF_TEXT;
    engine_query(&query, "path", path);
    const struct engine_call c = {
        .what = "copy files out of container",
        .name = container,
        .method = "GET",
        .path = "/containers/{}/archive",
        .query = strbuf_text(&query),
        .on_data = on_data,
        .data_ctx = ctx,
        .timeout_ms = CALL_ENDLESS,
        .idle_ms = CALL_SLOW_MS,
    };
    return engine_call(d, &c, NULL, e);
}
