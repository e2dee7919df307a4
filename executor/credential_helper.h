/* executor/credential_helper.h: the programs docker-credential-NAME, which keep logins for Docker's clients. */
#ifndef EXECUTOR_CREDENTIAL_HELPER_H
#define EXECUTOR_CREDENTIAL_HELPER_H

#include "executor/login.h"

/* How a helper is run; all borrowed. */
struct credential_helper {
    char *const *env;   /* its environment */
    int interrupt_fd;   /* readable: ERR_CANCELLED; -1: none */
    int64_t timeout_ms;
};

/* Ask docker-credential-`name` for the login to `server`. It is empty when the helper knows none. ERR_CONFIG when
 * the name has a path separator, ERR_NOT_FOUND when there is no such program, ERR_SYSTEM when it failed. No error
 * quotes what the program wrote: that may be a secret. */
int credential_helper_get(const struct credential_helper *h, const char *name, const char *server, struct login *out,
                          struct err *e);

#endif
