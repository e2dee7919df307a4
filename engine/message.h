/* engine/message.h: a stream of JSON objects, one a line; for the files of this room only.
 *
 * So the daemon tells of pulls, pushes, loads and events while they happen. */
#ifndef ENGINE_MESSAGE_H
#define ENGINE_MESSAGE_H

#include "base/json.h"
#include "base/strbuf.h"

/* Gets one message, borrowed. Negative ends the reading with the error that it set. */
typedef int message_fn(void *ctx, const json_t *message, struct err *e);

struct message_reader {
    struct strbuf line; /* what has arrived of the current one */
    message_fn *on_message;
    void *ctx;
};

/* A megabyte is far beyond any message of Docker's. */
#define MESSAGE_READER_INIT(fn, arg) { STRBUF_INIT((size_t)1 << 20), (fn), (arg) }

/* The next piece, of any length and cut anywhere: an http_data_fn whose ctx is the reader. */
int message_data(void *reader, const char *data, size_t len, struct err *e);
/* The stream has ended: read a last line without its end. An error when it was cut short. */
int message_finish(struct message_reader *r, struct err *e);
void message_reader_release(struct message_reader *r);

#endif
