/* cache/transfer/transfer.h: one request to a server that a job names: a cache server, GitLab, an object store.
 *
 * Redirects are followed for what has no body. What is meant for one server alone
 * (JOB-TOKEN) is not said to another that it redirects to. Proxies are those of
 * the environment; authorities are the system's, and the file that gitlab-runner
 * gives or that lies in /etc/gitlab-runner/certs (contract 3.1). A client's certificate
 * is for the first server alone, too. */
#ifndef CACHE_TRANSFER_TRANSFER_H
#define CACHE_TRANSFER_TRANSFER_H

#include "base/http.h"
#include "cache/report.h"
#include "cache/transfer/signature.h"
#include "cache/transfer/url.h"

#define TRANSFER_CONNECT_MS ((int64_t)30000)

/* How this program reaches servers. */
struct transfer {
    const char *ca_file, *cert_file, *key_file; /* "" or NULL: none */
    const struct report *report;
    int interrupt_fd; /* readable: stop */
};

/* Told where a redirect leads, before it is followed. */
typedef void transfer_redirect_fn(void *ctx, const struct url *to);

struct transfer_request {
    const char *method;
    const char *url;
    const struct strvec *headers; /* NULL: none */
    const char *private_header;   /* for the first server alone: "JOB-TOKEN: ..."; NULL: none */
    const char *content_type;
    http_source_fn *source; /* a body; NULL: none */
    void *source_ctx;
    int64_t source_len; /* 0: unknown, sent in chunks */
    const struct signer *signer; /* whose request it is to an object store, for the first server alone; NULL: nobody's */
    http_data_fn *on_data; /* the body of a good answer; NULL: dropped into r->body */
    void *data_ctx;
    int64_t timeout_ms; /* for all of it */
    int64_t idle_ms;    /* without a byte either way */
    int redirects;      /* how many are followed */
    transfer_redirect_fn *on_redirect; /* NULL: nobody wants to know */
    void *redirect_ctx;
};

/* ERR_CANCELLED when it was told to stop, ERR_SYSTEM when no answer came, ERR_USAGE for an address that is none. */
int transfer_once(const struct transfer *t, const struct transfer_request *q, struct http_response *r, struct err *e);

/* n requests to one and the same server side by side, redirects not followed; errs[i] tells of each, -1 if any failed. */
int transfer_all(const struct transfer *t, const struct transfer_request *q, struct http_response *r, struct err *errs,
                 size_t n);

/* "404 Not Found". Borrowed or in `buf`. */
const char *transfer_status(int status, char *buf, size_t size);

/* Whether another try may end better: nobody answered, or the server's own fault (5xx). */
bool transfer_may_try_again(int rc, int status, const struct err *e);
/* Wait before the next try; ERR_CANCELLED when it was told to stop. */
int transfer_pause(const struct transfer *t, int64_t ms, struct err *e);

#endif
