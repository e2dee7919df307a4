/* cache/transfer/object_answer.h: what object.c and download.c read in answers. */
#ifndef CACHE_TRANSFER_OBJECT_ANSWER_H
#define CACHE_TRANSFER_OBJECT_ANSWER_H

#include "cache/transfer/object.h"

void object_read_info(const struct http_response *r, struct object_info *out);
/* An answer to a GET or HEAD that is no success, as an error: "received: 403 Forbidden. Request failed with code: …", or
 * ERR_NOT_FOUND, "file does not exist". Always -1. */
int object_missing(const struct http_response *r, struct err *e);

#endif
