/* cache/transfer/s3.h: a cache archive named as Go's cloud library does it: s3://BUCKET/KEY?region=…
 *
 * gitlab-runner gives this instead of a presigned address when the helper is to sign
 * by itself, with keys from the environment (contract 3.5, "GoCloud"; signature.h). */
#ifndef CACHE_TRANSFER_S3_H
#define CACHE_TRANSFER_S3_H

#include "cache/transfer/object.h"

#define S3_SCHEME "s3://"

/* `url` and the environment (KEY=value) to an object. ERR_CONFIG: no bucket, or no
 * keys in the environment; the text names the variable. */
int s3_object(const char *url, const struct strvec *env, struct object *out, struct err *e);

#endif
