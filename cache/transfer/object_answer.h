/* cache/transfer/object_answer.h: what object.c and download.c share: requests, answers, tries. */
#ifndef CACHE_TRANSFER_OBJECT_ANSWER_H
#define CACHE_TRANSFER_OBJECT_ANSWER_H

#include "cache/transfer/object.h"

struct transfer_request object_request(const struct object *o, const char *method, const struct object_tries *tries);
void object_read_info(const struct http_response *r, struct object_info *out);
/* An answer that is no success, as an error: "received: 403 Forbidden. Request failed with code: …". Always -1. */
int object_refused(const struct http_response *r, struct err *e);
/* The same of a GET or HEAD, where 404 has words of its own: ERR_NOT_FOUND, "file does not exist". */
int object_missing(const struct http_response *r, struct err *e);
/* After try number `try` (from 0): 0 to go on, after a pause and with `e` empty; -1 with the error when that was the
 * last. */
int object_again(const struct transfer *t, const struct object_tries *tries, int try, int rc, int status,
                 struct err *e);

#endif
