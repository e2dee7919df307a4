/* cache/transfer/object_answer.h: what object.c and object_get.c share: requests, answers, tries. */
#ifndef CACHE_TRANSFER_OBJECT_ANSWER_H
#define CACHE_TRANSFER_OBJECT_ANSWER_H

#include "cache/transfer/object.h"

/* A request for it; `signature` lives as long as the request. */
struct transfer_request object_request(const struct object *o, const char *method, const struct object_tries *tries,
                                       struct http_signature *signature);
void object_read_info(const struct http_response *r, struct object_info *out);
/* An answer that is no success, as an error: "received: 403 Forbidden. Request failed with code: …". Always -1. */
int object_refused(const struct http_response *r, struct err *e);
/* After try number `try` (from 0): 0 to go on, after a pause and with `e` empty; -1 with the error when that was the last. */
int object_again(const struct transfer *t, const struct object_tries *tries, int try, int rc, int status,
                 struct err *e);

#endif
