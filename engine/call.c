#include "engine/call.h"

#include "base/text.h"

#include <string.h>

/* A daemon's message is a sentence; a page of HTML from something else is cut. */
#define MESSAGE_BYTES 1000

/* A request with all that it points to. */
struct prepared {
    struct strbuf path;
    char *body;
    struct http_request request;
};

#define PREPARED_INIT { STRBUF_TEXT, NULL, { .wake_fd = -1 } }

static void prepared_release(struct prepared *p)
{
    strbuf_release(&p->path);
    free(p->body);
}

static void write_path(struct strbuf *out, const char *version, const struct engine_call *c)
{
    if (version)
        strbuf_printf(out, "/v%s", version);
    const char *place = strstr(c->path, "{}");
    if (place) {
        strbuf_putn(out, c->path, (size_t)(place - c->path));
        http_encode(out, c->name);
        strbuf_puts(out, place + 2);
    } else {
        strbuf_puts(out, c->path);
    }
    if (c->query && *c->query)
        strbuf_printf(out, "?%s", c->query);
}

static int64_t deadline(const struct engine_call *c)
{
    if (c->timeout_ms == CALL_ENDLESS)
        return 0;
    return c->timeout_ms ? c->timeout_ms : CALL_MS;
}

static const char *content_type(const struct engine_call *c)
{
    if (c->source)
        return "application/x-tar";
    return c->body ? "application/json" : NULL;
}

static void prepare(const struct engine *d, const struct engine_call *c, struct prepared *p)
{
    write_path(&p->path, engine_version(d), c);
    p->body = c->body ? json_compact(c->body) : NULL;
    p->request = (struct http_request){
        .method = c->method,
        .path = strbuf_text(&p->path),
        .headers = c->headers,
        .content_type = content_type(c),
        .body = p->body,
        .body_len = p->body ? strlen(p->body) : 0,
        .source = c->source,
        .source_ctx = c->source_ctx,
        .after = c->after,
        .after_ctx = c->after_ctx,
        .on_data = c->on_data,
        .data_ctx = c->data_ctx,
        .timeout_ms = deadline(c),
        .idle_ms = c->idle_ms,
        .tick = c->watch ? c->watch->tick : NULL,
        .tick_ctx = c->watch ? c->watch->ctx : NULL,
        .wake_fd = c->watch ? c->watch->wake_fd : -1,
    };
}

static bool is_success(const struct engine_call *c, const struct http_response *r)
{
    switch (r->status) {
    case 304: /* it is already as it was asked to be */
        return true;
    case 404:
        return c->gone_is_fine;
    case 409:
        return c->fine_conflict && strstr(strbuf_text(&r->body), c->fine_conflict);
    default:
        return r->status >= 200 && r->status < 300;
    }
}

/* Docker and Podman answer {"message": "…"}; a proxy between may answer anything. */
static void write_message(struct strbuf *out, const struct http_response *r)
{
    auto_json *answer = NULL;
    (void)json_parse(strbuf_text(&r->body), r->body.len, "the answer", &answer, NULL);
    const char *text = json_text(answer, "message");
    if (!*text)
        text = strbuf_text(&r->body);

    size_t len = strlen(text);
    while (len && strchr(" \r\n", text[len - 1]))
        len--;
    auto_free char *trimmed = xstrndup(text, len);
    if (len)
        text_visible(out, trimmed, MESSAGE_BYTES);
    else
        strbuf_printf(out, "the daemon answered with status %d and no reason", r->status);
}

int engine_wrap(const struct engine_call *c, struct err *e)
{
    if (!c->name)
        return err_wrap(e, "%s", c->what);
    auto_free char *name = text_quote(c->name);
    return err_wrap(e, "%s '%s'", c->what, name);
}

int engine_refused(const struct engine_call *c, const struct http_response *r, struct err *e)
{
    auto_strbuf message = STRBUF_TEXT;
    write_message(&message, r);
    enum err_kind kind = r->status == 404 ? ERR_NOT_FOUND : r->status == 409 ? ERR_CONFLICT : ERR_SYSTEM;
    (void)err_set(e, kind, r->status, "%s", strbuf_text(&message));
    return engine_wrap(c, e);
}

static int read_answer(const struct engine_call *c, const struct http_response *r, json_t **out, struct err *e)
{
    json_t *answer = NULL;

    if (!out)
        return 0;
    if (r->body.len && json_parse(strbuf_text(&r->body), r->body.len, "the daemon's answer", &answer, e) < 0)
        return engine_wrap(c, e);
    *out = answer;
    return 0;
}

int engine_call(struct engine *d, const struct engine_call *c, json_t **out, struct err *e)
{
    __attribute__((cleanup(prepared_release))) struct prepared p = PREPARED_INIT;
    prepare(d, c, &p);

    auto_http_response r = HTTP_RESPONSE_INIT;
    if (http_exchange(engine_http(d), &p.request, &r, e) < 0)
        return engine_wrap(c, e);
    if (!is_success(c, &r))
        return engine_refused(c, &r, e);
    if (c->answer_headers)
        strvec_push_all(c->answer_headers, &r.headers);
    return read_answer(c, &r, out, e);
}

int engine_answer_id(const struct engine_call *c, const json_t *answer, char **id, struct err *e)
{
    const char *text = json_text(answer, "Id");
    if (!*text) {
        (void)err_set(e, ERR_SYSTEM, 0, "the daemon's answer has no id");
        return engine_wrap(c, e);
    }
    *id = xstrdup(text);
    return 0;
}

int engine_call_id(struct engine *d, const struct engine_call *c, char **id, struct err *e)
{
    auto_json *answer = NULL;
    if (engine_call(d, c, &answer, e) < 0)
        return -1;
    return engine_answer_id(c, answer, id, e);
}

int engine_call_all(struct engine *d, const struct engine_call *c, struct err *errs, size_t n)
{
    if (n == 0)
        return 0;
    auto_free struct prepared *p = xcalloc(n, sizeof(*p));
    auto_free struct http_request *q = xcalloc(n, sizeof(*q));
    auto_free struct http_response *r = xcalloc(n, sizeof(*r));
    for (size_t i = 0; i < n; i++) {
        p[i] = (struct prepared)PREPARED_INIT;
        r[i] = (struct http_response)HTTP_RESPONSE_INIT;
        prepare(d, &c[i], &p[i]);
        q[i] = p[i].request;
    }

    /* Its result adds nothing to errs[], which also says what was refused. */
    (void)http_exchange_all(engine_http(d), q, r, errs, n);
    int result = 0;
    for (size_t i = 0; i < n; i++) {
        if (errs[i].kind != ERR_NONE)
            result = engine_wrap(&c[i], &errs[i]);
        else if (!is_success(&c[i], &r[i]))
            result = engine_refused(&c[i], &r[i], &errs[i]);
        else if (read_answer(&c[i], &r[i], c[i].answer, &errs[i]) < 0)
            result = -1;
        prepared_release(&p[i]);
        http_response_release(&r[i]);
    }
    return result;
}

void engine_query(struct strbuf *query, const char *key, const char *value)
{
    if (!value)
        return;
    strbuf_printf(query, "%s%s=", query->len ? "&" : "", key);
    http_encode(query, value);
}

void engine_query_labels(struct strbuf *query, const struct strvec *labels)
{
    auto_json *filters = json_pack("{s:o}", "label", json_strings(labels));
    auto_free char *text = json_compact(filters);
    engine_query(query, "filters", text);
}

/* Whether an object bears the label "k=v" or "k". */
static bool bears(const json_t *object, const char *label)
{
    auto_free char *key = xstrndup(label, strcspn(label, "="));
    const char *value = strchr(label, '=');
    const char *has = json_string_value(json_object_get(json_object_get(object, "Labels"), key));

    return has && (!value || strcmp(has, value + 1) == 0);
}

/* Podman 4 lists volumes and networks that bear any one of the labels: those of other jobs. */
static void keep_bearers(json_t *list, const struct strvec *labels)
{
    for (size_t i = json_array_size(list); i-- > 0;)
        for (size_t l = 0; l < labels->n; l++)
            if (!bears(json_array_get(list, i), labels->items[l])) {
                (void)json_array_remove(list, i);
                break;
            }
}

int engine_list(struct engine *d, const char *what, const char *path, const struct strvec *labels,
                json_t **out, struct err *e)
{
    auto_strbuf query = STRBUF_TEXT;
    engine_query(&query, "all", "1");
    engine_query_labels(&query, labels);
    const struct engine_call c = {
        .what = what, .method = "GET", .path = path, .query = strbuf_text(&query)
    };
    if (engine_call(d, &c, out, e) < 0)
        return -1;
    json_t *volumes = json_object_get(*out, "Volumes");
    keep_bearers(volumes ? volumes : *out, labels);
    return 0;
}
