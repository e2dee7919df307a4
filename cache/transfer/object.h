/* cache/transfer/object.h: a cache archive on a server: an object, by an address that the runner presigned, or that
 * it named as Go's cloud library does (contract 3.5, 3.6). */
#ifndef CACHE_TRANSFER_OBJECT_H
#define CACHE_TRANSFER_OBJECT_H

#include "cache/transfer/meter.h"
#include "cache/transfer/transfer.h"

struct object {
    char *url;              /* secret where it is presigned */
    bool is_gocloud;             /* not presigned: the rest is about these alone */
    struct signer signer;        /* without a key: the address says it all */
    struct strvec upload;        /* headers that a PUT needs: how it is to be stored */
    const char *metadata_prefix; /* of headers: "x-amz-meta-" */
};

/* What a server says of one. */
struct object_info {
    int64_t size;      /* -1: not known */
    int64_t modified;  /* Last-Modified, seconds since the epoch; -1: not known */
    char *etag;        /* "" when there is none */
    struct strvec metadata; /* "key=value" of x-<vendor>-meta-<key>, keys in lower case */
    bool parallel;   /* it comes in several ranges side by side */
};

struct object_tries {
    int more;           /* how often it is tried again */
    int64_t pause_ms;   /* before the second try; twice as long before each further one */
    int64_t timeout_ms; /* of one try */
    int64_t idle_ms;    /* without a byte either way, the answer's first one included */
    int64_t piece;      /* bytes: more than this is fetched in several ranges side by side; 0: never */
    int side_by_side;   /* how many ranges at most */
    int64_t meter_ms;   /* how often the meter is shown; 0: never */
};

/* The presigned address, as gitlab-runner gives it. */
void object_of_url(const char *url, struct object *out);
void object_release(struct object *o);
/* Append a key percent-encoded, all but its slashes. */
void object_encode_key(struct strbuf *out, const char *key, size_t len);

/* HEAD. ERR_NOT_FOUND when there is none. */
int object_head(const struct transfer *t, const struct object *o, const struct object_tries *tries,
                struct object_info *out, struct err *e);

/* Called when the answer's header is there: 0 to go on, 1 when the body is not wanted. */
typedef int object_want_fn(void *ctx, const struct object_info *info);

/* GET into fd, an empty file open for writing. A transfer that breaks goes on where it broke, if
 * the server can and the object is the same one (by its ETag); else from the beginning, and `want` is
 * asked again. Returns 1 when `want` did not want it.
 * ERR_NOT_FOUND ("file does not exist") on 404, which is not tried again. */
int object_get(const struct transfer *t, const struct object *o, const struct object_tries *tries, int fd,
               object_want_fn *want, void *ctx, struct object_info *out, struct err *e);

/* PUT the file of `size` bytes, from its beginning for each try. `headers`: more of them, part of
 * the signature, so exactly as they are; NULL: none. */
int object_put(const struct transfer *t, const struct object *o, const struct object_tries *tries, int fd,
               int64_t size, const struct strvec *headers, struct err *e);

void object_info_release(struct object_info *i);

#define auto_object      __attribute__((cleanup(object_release))) struct object
#define auto_object_info __attribute__((cleanup(object_info_release))) struct object_info

#endif
