/* cache/helper/job_credentials.h: who the job is, for GitLab: the options of both artifact commands (contract 3.1). */
#ifndef CACHE_HELPER_JOB_CREDENTIALS_H
#define CACHE_HELPER_JOB_CREDENTIALS_H

#include "cache/helper/helper.h"
#include "cache/transfer/coordinator.h"

struct job_credentials {
    int64_t id;
    const char *token; /* secret */
    const char *url;
    const char *ca_file, *cert_file, *key_file;
};

/* Rows of a command's flags; `base` is the offset of its struct job_credentials. */
#define JOB_CREDENTIALS_FLAGS(base)                                                                                    \
    { "id", "CI_JOB_ID", NULL, FLAG_NUMBER, (base) + offsetof(struct job_credentials, id), "the job's number" },       \
    { "token", "CI_JOB_TOKEN", NULL, FLAG_TEXT, (base) + offsetof(struct job_credentials, token), "the job's token" }, \
    { "url", "CI_SERVER_URL", NULL, FLAG_TEXT, (base) + offsetof(struct job_credentials, url), "GitLab's address" },   \
    { "tls-ca-file", "CI_SERVER_TLS_CA_FILE", NULL, FLAG_TEXT,                                                         \
      (base) + offsetof(struct job_credentials, ca_file), "who vouches for it" },                                      \
    { "tls-cert-file", "CI_SERVER_TLS_CERT_FILE", NULL, FLAG_TEXT,                                                     \
      (base) + offsetof(struct job_credentials, cert_file), "who we are" },                                            \
    { "tls-key-file", "CI_SERVER_TLS_KEY_FILE", NULL, FLAG_TEXT,                                                       \
      (base) + offsetof(struct job_credentials, key_file), "and its key" }

/* ERR_USAGE when something is missing. */
int job_credentials_check(const struct job_credentials *c, struct err *e);
struct transfer job_credentials_transfer(const struct helper *h, const struct job_credentials *c);

#endif
