/* cache/transfer/coordinator.h: GitLab's API for jobs, as far as artifacts need it (contract 3.1, 3.7, 3.8). */
#ifndef CACHE_TRANSFER_COORDINATOR_H
#define CACHE_TRANSFER_COORDINATOR_H

#include "cache/transfer/transfer.h"

struct coordinator {
    const struct transfer *transfer;
    const char *url;   /* of GitLab, or of its old address with /ci behind it */
    const char *token; /* the job's: secret */
    int64_t id;        /* the job's */
};

/* "<base>/api/v4/jobs/<id>/artifacts?<query>"; the caller's. */
char *coordinator_artifacts_url(const struct coordinator *c, const char *query);
/* "JOB-TOKEN: <token>"; the caller's, secret. */
char *coordinator_header(const struct coordinator *c);
/* "X-Request-Id: <32 hex digits>", a new one, by which GitLab's own logs name the request; the caller's. */
char *coordinator_request_id(void);
/* By what name GitLab's logs know the request: by what it answered, else by our header. Borrowed. */
const char *coordinator_correlation(const char *request_id, const struct http_response *r);

/* The first characters of a token, without what it begins with by its kind: as gitlab-runner shows one. The caller's. */
char *coordinator_short_token(const char *token);

/* What a refusal says: "404 Not Found", and with GitLab's own words if it has some: "POST <url>: 400 Bad Request
 * (duplicate variables)". What stands behind the `?` is ours and no secret. The caller's. */
char *coordinator_complaint(const struct transfer_request *q, const struct http_response *r);
/* How long to wait before asking again: by the answer's headers, else `otherwise_ms`; at most a minute. */
int64_t coordinator_wait_ms(const struct http_response *r, int64_t otherwise_ms);

#endif
