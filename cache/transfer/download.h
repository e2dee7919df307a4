/* cache/transfer/download.h: the body of an answer into a file, by tries of which each goes on where the last broke.
 *
 * It goes on by Range and If-Range, when the server gave a strong ETag; a server without ranges, or a body that was
 * replaced meanwhile, means: from the beginning. How often and when it is tried is the caller's. */
#ifndef CACHE_TRANSFER_DOWNLOAD_H
#define CACHE_TRANSFER_DOWNLOAD_H

#include "cache/transfer/meter.h"
#include "cache/transfer/object.h"
#include "cache/transfer/transfer.h"

struct download {
    const struct transfer *transfer;
    int fd;                   /* an empty file, open for writing */
    int64_t piece;            /* bytes: more than this is fetched in several ranges side by side; 0: never */
    int side_by_side;         /* how many ranges at most */
    object_want_fn *want;     /* asked when the header is there, and again when it begins anew; NULL: it is wanted */
    void *want_ctx;
    struct object_info *info; /* the caller's, of the last answer */
    struct meter meter;       /* begun by the caller */

    /* Its own. */
    bool is_known;  /* *info is what is being fetched */
    bool unwanted;
    bool changed;   /* it is no longer what *info says: all that was fetched is worth nothing */
    char *target;   /* where the first request was redirected to; NULL: nowhere. May be secret */
    struct part *parts;
    size_t n;
};

/* One try of all that is missing, a GET. 0: it is there, or `unwanted`. Else -1, and `answer` (fresh) is the answer that
 * it failed with: a refusal, if its status is none of success; ERR_CONFLICT is the disk's fault, and no other try
 * would mend it. A request that follows redirects has a `private_header` for its own server alone, as ever. */
int download_try(struct download *d, const struct transfer_request *q, struct http_response *answer, struct err *e);
/* After the try that succeeded: what an earlier, longer version left behind the end goes. */
int download_finish(struct download *d, struct err *e);
void download_release(struct download *d);

#endif
