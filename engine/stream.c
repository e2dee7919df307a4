#include "engine/stream.h"

#include <string.h>
#include <sys/types.h>

static uint32_t big_endian(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | (uint32_t)p[3];
}

/* Anything but a frame's header is the raw output of a terminal, or not Docker's. */
static int check_header(const unsigned char *h, struct err *e)
{
    if (h[0] > STREAM_SYSTEM || h[1] || h[2] || h[3])
        return err_set(e, ERR_SYSTEM, 0,
                       "the daemon's stream is broken: a frame starts with %02x %02x %02x %02x",
                       (unsigned)h[0], (unsigned)h[1], (unsigned)h[2], (unsigned)h[3]);
    return 0;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Take what the header still lacks; returns how much that was, negative on a bad header. */
static ssize_t take_header(struct stream_decoder *s, const char *data, size_t len, struct err *e)
{
    size_t n = smaller(sizeof(s->header) - s->have, len);
    memcpy(s->header + s->have, data, n);
    s->have += (unsigned)n;
    if (s->have < sizeof(s->header))
        return (ssize_t)n;
    if (check_header(s->header, e) < 0)
        return -1;
    s->remaining = big_endian(s->header + 4);
    return (ssize_t)n;
}

int stream_decode(struct stream_decoder *s, const char *data, size_t len, stream_sink_fn *sink, void *ctx,
                  struct err *e)
{
    while (len > 0) {
        size_t n;
        if (s->have < sizeof(s->header)) {
            ssize_t taken = take_header(s, data, len, e);
            if (taken < 0)
                return -1;
            n = (size_t)taken;
        } else {
            n = smaller(s->remaining, len);
            if (sink(ctx, (enum stream_kind)s->header[0], data, n, e) < 0)
                return -1;
            s->remaining -= (uint32_t)n;
        }
        if (s->have == sizeof(s->header) && s->remaining == 0)
            s->have = 0;
        data += n;
        len -= n;
    }
    return 0;
}

int stream_finish(const struct stream_decoder *s, struct err *e)
{
    if (s->have == 0)
        return 0;
    return err_set(e, ERR_SYSTEM, 0, "the daemon closed the stream in the middle of a frame");
}
