/* engine/transfer.h: what the daemon tells while it pulls, pushes, loads or
 * imports an image; for the files of this room only. */
#ifndef ENGINE_TRANSFER_H
#define ENGINE_TRANSFER_H

#include "engine/image.h"
#include "engine/message.h"

#include <stdint.h>

struct transfer {
    struct message_reader reader; /* its message_data() is the call's on_data */
    const char *doing, *done;     /* "Pulling", "Pulled": begin the lines of progress */
    const char *name;
    const struct image_transfer *how;
    json_t *layers;  /* layer's id -> {"done": boolean, "bytes": so far} */
    char *digest;    /* NULL until it is told */
    int64_t next_ms; /* when the next line of progress is due */
};

/* All arguments are borrowed as long as it lives. */
void transfer_init(struct transfer *t, const char *doing, const char *done, const char *name,
                   const struct image_transfer *how);
/* The stream has ended: whether well, and if so the last line of progress. */
int transfer_finish(struct transfer *t, struct err *e);
void transfer_release(struct transfer *t);

#endif
