#include "engine/archive.h"

#include "base/text.h"
#include "engine/call.h"

#include <openssl/evp.h>
#include <string.h>

/* The longest description of a file that is read. */
#define STAT_BYTES ((size_t)64 << 10)

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

/* Go's os.FileMode, in the header's JSON. */
#define MODE_FOLDER ((int64_t)1 << 31)
#define MODE_LINK   ((int64_t)1 << 27)

/* The header is the base64 of a JSON object. */
static json_t *read_stat(const struct strvec *headers)
{
    static const char name[] = "x-docker-container-path-stat: ";
    json_t *stat = NULL;

    for (size_t i = 0; i < headers->n; i++) {
        const char *text = headers->items[i] + sizeof(name) - 1;
        if (!text_starts(headers->items[i], name) || strlen(text) > STAT_BYTES)
            continue;
        auto_free char *json = xcalloc(1, strlen(text) + 4);
        int n = EVP_DecodeBlock((unsigned char *)json, (const unsigned char *)text, (int)strlen(text));
        if (n > 0)
            (void)json_parse(json, strlen(json), "a file's description", &stat, NULL);
    }
    return stat;
}

int archive_stat(struct engine *d, const char *container, const char *path, enum archive_kind *out, struct err *e)
{
    auto_strbuf query = STRBUF_TEXT;
    auto_strvec headers = STRVEC_INIT;
    engine_query(&query, "path", path);
    const struct engine_call c = {
        .what = "look at files of container",
        .name = container,
        .method = "HEAD",
        .path = "/containers/{}/archive",
        .query = strbuf_text(&query),
        .answer_headers = &headers,
    };
    if (engine_call(d, &c, NULL, e) < 0)
        return -1;
    auto_json *stat = read_stat(&headers);
    if (!stat) {
        (void)err_set(e, ERR_SYSTEM, 0, "the daemon does not say what %s is", path);
        return engine_wrap(&c, e);
    }
    int64_t mode = json_number(stat, "mode", 0);
    *out = mode & MODE_LINK ? ARCHIVE_LINK : mode & MODE_FOLDER ? ARCHIVE_FOLDER : ARCHIVE_OTHER;
    return 0;
}
