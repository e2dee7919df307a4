/* cache/transfer/s3.h: a cache archive named as Go's cloud library does it: s3://BUCKET/KEY?region=…
 *
 * gitlab-runner gives this instead of a presigned address when the helper is to sign
 * by itself, with keys from the environment (contract 3.5, "GoCloud"). Requests are
 * signed with AWS Signature Version 4, by libcurl; the body's hash is not part of
 * it, since that would mean to read a file twice. */
#ifndef CACHE_TRANSFER_S3_H
#define CACHE_TRANSFER_S3_H

#include "cache/transfer/object.h"

/* What of an object's address is about how it is stored: "x-amz-server-side-encryption: AES256". */
struct s3_storage {
    struct strvec headers; /* for an upload */
};

/* `url` and the environment (KEY=value) to an object. ERR_CONFIG: another kind of
 * store, no bucket, or no keys in the environment; the text names the variable. */
int s3_object(const char *url, const struct strvec *env, struct object *out, struct s3_storage *storage, struct err *e);
void s3_storage_release(struct s3_storage *s);

#define auto_s3_storage __attribute__((cleanup(s3_storage_release))) struct s3_storage

#endif
