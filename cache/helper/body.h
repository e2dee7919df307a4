/* cache/helper/body.h: an archive as the body of an upload, made while it is sent: it is stored nowhere.
 *
 * archive_write() pushes and HTTP pulls, so a thread writes into a pipe that the request reads from. */
#ifndef CACHE_HELPER_BODY_H
#define CACHE_HELPER_BODY_H

#include "cache/archive/write.h"
#include "cache/transfer/meter.h"

#include <pthread.h>

struct body {
    const struct archive_spec *spec;
    const struct report *report;
    struct meter *meter;
    const char *head, *tail; /* of the multipart message, before and after the archive */
    pthread_t thread;
    int in, out;             /* the pipe's ends */
    bool running;
    int rc;                  /* of the thread, which alone writes it and the error, until it is joined */
    struct err e;
};

/* Start making it. `body` is the caller's room. */
int body_begin(struct body *b, struct err *e);
/* An http_source_fn; ctx is the struct body. */
ssize_t body_read(void *ctx, char *buf, size_t size, struct err *e);
/* Ends the thread. -1 with what went wrong with the archive, if something did. */
int body_end(struct body *b, struct err *e);

#endif
