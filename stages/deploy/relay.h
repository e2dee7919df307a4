/* stages/deploy/relay.h: a job's `deploy-master` and its host, where no socket of the host's reaches the job: over the
 * stdin and stdout of a process in the job's container.
 *
 * That process (`deploy-master --relay`) listens there in the host's place, and carries one client after the other.
 * Both sides speak in the frames of wire.h, with kinds of their own: the relay says RELAY_OPEN when a client has
 * connected; each side passes on what its end says as RELAY_DATA, and says RELAY_CLOSE once, after which that end says
 * no more. When both have said it, the next client's turn has come. The end of its stdin is the relay's.
 *
 * A job may write into the relay's stream, or be the relay: the host believes nothing of it but that it is this job. */
#ifndef STAGES_DEPLOY_RELAY_H
#define STAGES_DEPLOY_RELAY_H

#include "stages/deploy/wire.h"

#define RELAY_OPTION   "--relay"
#define RELAY_DATA_MAX ((size_t)16384) /* of one frame */

enum relay_kind { RELAY_OPEN = '(', RELAY_DATA = '=', RELAY_CLOSE = ')' };

/* What one side has heard of the other. */
struct relay_reader {
    struct strbuf rest; /* a frame that is not yet whole */
    bool open;          /* between RELAY_OPEN and RELAY_CLOSE; the relay, to whom nobody says RELAY_OPEN, sets it */
};

#define RELAY_READER_INIT { STRBUF_INIT(3 * RELAY_DATA_MAX), false }

/* Gets frame by frame. A negative return ends the reading. */
typedef int relay_frame_fn(void *ctx, enum relay_kind kind, const char *data, size_t len);

/* Take the next piece, of any length and cut anywhere. Negative: `fn` ended it, or the other side does not speak so,
 * and *why says that in words of our own; then nothing more is to be read from it. */
int relay_read(struct relay_reader *r, const char *data, size_t len, relay_frame_fn *fn, void *ctx, const char **why);
void relay_reader_release(struct relay_reader *r);

/* Append a frame; at most RELAY_DATA_MAX bytes of data. */
void relay_put(struct strbuf *out, enum relay_kind kind, const char *data, size_t len);

#endif
