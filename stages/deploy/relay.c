#include "stages/deploy/relay.h"

void relay_put(struct strbuf *out, enum relay_kind kind, const char *data, size_t len)
{
    wire_put(out, (enum wire_kind)kind, data, len);
}

/* Whether a frame may come now; NULL when it may. */
static const char *check(const struct relay_reader *r, const struct wire_frame *f)
{
    switch ((int)f->kind) {
    case RELAY_OPEN: return r->open ? "a client comes before the last one has gone" : f->len ? "a frame is too long" : NULL;
    case RELAY_DATA: return r->open ? NULL : "nobody is there to say something";
    case RELAY_CLOSE: return !r->open ? "nobody is there to go" : f->len ? "a frame is too long" : NULL;
    default: return "a frame is of no known kind";
    }
}

/* Take the frames that are whole. */
static int take_frames(struct relay_reader *r, relay_frame_fn *fn, void *ctx, const char **why)
{
    struct wire_frame f;
    size_t at = 0;
    long taken;

    while ((taken = wire_get(strbuf_text(&r->rest) + at, r->rest.len - at, RELAY_DATA_MAX, &f)) > 0) {
        *why = check(r, &f);
        if (*why)
            return -1;
        if ((int)f.kind != RELAY_DATA)
            r->open = (int)f.kind == RELAY_OPEN;
        if (fn(ctx, (enum relay_kind)f.kind, f.data, f.len) < 0)
            return -1;
        at += (size_t)taken;
    }
    *why = "a frame is too long";
    strbuf_drop(&r->rest, at);
    return taken < 0 ? -1 : 0;
}

int relay_read(struct relay_reader *r, const char *data, size_t len, relay_frame_fn *fn, void *ctx, const char **why)
{
    while (len > 0) {
        size_t n = len < RELAY_DATA_MAX ? len : RELAY_DATA_MAX;
        strbuf_putn(&r->rest, data, n);
        if (take_frames(r, fn, ctx, why) < 0)
            return -1;
        data += n;
        len -= n;
    }
    return 0;
}

void relay_reader_release(struct relay_reader *r)
{
    strbuf_release(&r->rest);
}
