/* cache/transfer/signature.h: AWS Signature Version 4 for requests to object stores.
 *
 * Made here and not by libcurl, whose own differs by version: Debian 11's has none, Debian 12's signs headers that it
 * does not send. The body is no part of it ("UNSIGNED-PAYLOAD"), since that would mean to read a file twice. */
#ifndef CACHE_TRANSFER_SIGNATURE_H
#define CACHE_TRANSFER_SIGNATURE_H

#include "base/strvec.h"
#include "cache/transfer/url.h"

#include <stdint.h>

struct signer {
    char *region;
    char *key_id;
    char *key;   /* secret */
    char *token; /* of a session, secret; NULL: none */
};

/* Append to `headers` what makes them those of a signed request, at `now` (seconds since the epoch): the date, the token,
 * the signature. It covers the host, the content's type and every header x-amz-*. `u` has its path percent-encoded,
 * all but unreserved characters and slashes, and no query. */
void signature_add(const struct signer *s, const char *method, const struct url *u, const char *content_type,
                   int64_t now, struct strvec *headers);
void signer_release(struct signer *s);

#endif
