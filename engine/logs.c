#include "engine/logs.h"

#include "engine/call.h"

/* Docker's messages are of 16 KiB at most. */
#define MESSAGE_MAX ((size_t)1 << 20)

/* One container's log while it is read. A frame is a message. */
struct reader {
    const struct logs *of;
    struct stream_decoder decoder;
    struct strbuf message;
};

static int on_payload(void *ctx, enum stream_kind kind, const char *data, size_t len, struct err *e)
{
    struct reader *r = ctx;

    if (strbuf_add(&r->message, data, len) < 0)
        return err_set(e, ERR_SYSTEM, 0, "the daemon sent a message of more than %zu bytes", MESSAGE_MAX);
    if (r->decoder.remaining > len)
        return 0;
    int rc = r->of->message(r->of->ctx, kind, strbuf_text(&r->message), r->message.len, e);
    strbuf_clear(&r->message);
    return rc;
}

static int on_data(void *ctx, const char *data, size_t len, struct err *e)
{
    struct reader *r = ctx;
    return stream_decode(&r->decoder, data, len, on_payload, r, e);
}

int logs_read_all(struct engine *d, const struct logs *of, size_t n, bool follow, const struct engine_watch *watch,
                  struct err *errs)
{
    auto_free struct reader *readers = xcalloc(n ? n : 1, sizeof(*readers));
    auto_free struct engine_call *calls = xcalloc(n ? n : 1, sizeof(*calls));
    auto_strvec queries = STRVEC_INIT;

    for (size_t i = 0; i < n; i++) {
        readers[i] = (struct reader){ &of[i], STREAM_DECODER_INIT, STRBUF_INIT(MESSAGE_MAX) };
        strvec_pushf(&queries, "stdout=1&stderr=1&timestamps=1%s%s%s", follow ? "&follow=1" : "",
                     of[i].since ? "&since=" : "", of[i].since ? of[i].since : "");
        calls[i] = (struct engine_call){
            .what = "read the log of container",
            .name = of[i].id,
            .method = "GET",
            .path = "/containers/{}/logs",
            .query = queries.items[i],
            .on_data = on_data,
            .data_ctx = &readers[i],
            .watch = watch,
            .timeout_ms = follow ? CALL_ENDLESS : 0,
        };
    }
    int rc = engine_call_all(d, calls, errs, n);
    for (size_t i = 0; i < n; i++)
        strbuf_release(&readers[i].message);
    return rc;
}
