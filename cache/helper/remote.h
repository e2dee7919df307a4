/* cache/helper/remote.h: where a cache is besides on the host: the options of both cache commands (contract 3.5, 3.6). */
#ifndef CACHE_HELPER_REMOTE_H
#define CACHE_HELPER_REMOTE_H

#include "cache/helper/helper.h"
#include "cache/transfer/object.h"

struct remote {
    const char *url, *gocloud_url;
    const char *env_file;
    int64_t timeout_min;
    int64_t more_tries, pause_ms;
    int64_t buffer, piece, side_by_side;
    int64_t meter_ms;
};

/* Rows of a command's flags; `base` is the offset of its struct remote. */
#define REMOTE_FLAGS(base)                                                                                             \
    { "url", NULL, NULL, FLAG_TEXT, (base) + offsetof(struct remote, url), "the presigned address" },                  \
    { "gocloud-url", NULL, NULL, FLAG_TEXT, (base) + offsetof(struct remote, gocloud_url),                             \
      "s3://BUCKET/KEY?region=... or azblob://CONTAINER/KEY" },                                                        \
    { "env-file", NULL, NULL, FLAG_TEXT, (base) + offsetof(struct remote, env_file), "more variables, KEY=value lines" }, \
    { "timeout", NULL, "10", FLAG_NUMBER, (base) + offsetof(struct remote, timeout_min), "minutes for one transfer" },  \
    { "retry", NULL, "2", FLAG_NUMBER, (base) + offsetof(struct remote, more_tries), "how often it is tried again" },   \
    { "retry-time", NULL, "1s", FLAG_DURATION, (base) + offsetof(struct remote, pause_ms), "the pause before" },        \
    { "transfer-buffer-size", "CACHE_TRANSFER_BUFFER_SIZE", "4194304", FLAG_NUMBER,                                    \
      (base) + offsetof(struct remote, buffer), "has no effect" },                                                     \
    { "chunk-size", "CACHE_CHUNK_SIZE", "16777216", FLAG_NUMBER, (base) + offsetof(struct remote, piece),              \
      "fetch what is larger in several ranges" },                                                                      \
    { "concurrency", "CACHE_CONCURRENCY", "16", FLAG_NUMBER, (base) + offsetof(struct remote, side_by_side),           \
      "how many ranges side by side" },                                                                                \
    { "transfer-meter-frequency", "TRANSFER_METER_FREQUENCY", NULL, FLAG_DURATION,                                     \
      (base) + offsetof(struct remote, meter_ms), "how often progress is shown" }

/* The process's environment with the variables of --env-file behind it. */
int remote_environment(const struct helper *h, const struct remote *r, struct strvec *out, struct err *e);
/* The object: presigned, or named as Go's cloud library does. `url` or `gocloud` is given, the other NULL or "".
 * ERR_CONFIG: a store that is not known here, or no keys to it. */
int remote_object(const char *url, const char *gocloud, const struct strvec *env, struct object *out, struct err *e);
struct object_tries remote_tries(const struct helper *h, const struct remote *r);
struct transfer remote_transfer(const struct helper *h);

#endif
