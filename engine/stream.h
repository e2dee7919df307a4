/* engine/stream.h: the multiplexed output of attach, exec and logs, as a pure function.
 *
 * Docker Engine API, "Attach to a container", stream format: frames of an 8-byte
 * header {type, 0, 0, 0, size as big-endian uint32} and `size` bytes of payload;
 * type 0 is stdin, 1 stdout, 2 stderr (and 3, from some daemons, a system error). */
#ifndef ENGINE_STREAM_H
#define ENGINE_STREAM_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

enum stream_kind { STREAM_STDIN = 0, STREAM_STDOUT = 1, STREAM_STDERR = 2, STREAM_SYSTEM = 3 };

/* Where in a frame the decoder stands: all that it remembers between two pieces. */
struct stream_decoder {
    unsigned char header[8];
    unsigned have;      /* header bytes seen, 8 while in a payload */
    uint32_t remaining; /* payload bytes still to come */
};

#define STREAM_DECODER_INIT { { 0 }, 0, 0 }

/* Gets payload as it comes, also parts of a frame. Negative ends the decoding. */
typedef int stream_sink_fn(void *ctx, enum stream_kind kind, const char *data, size_t len, struct err *e);

/* Decode the next piece, of any length and cut anywhere. */
int stream_decode(struct stream_decoder *s, const char *data, size_t len, stream_sink_fn *sink, void *ctx,
                  struct err *e);
/* Whether the stream may end here (not within a frame). */
int stream_finish(const struct stream_decoder *s, struct err *e);

#endif
