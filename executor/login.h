/* executor/login.h: what a registry is told of who asks: one entry of a Docker client's configuration. */
#ifndef EXECUTOR_LOGIN_H
#define EXECUTOR_LOGIN_H

#include "base/err.h"
#include "engine/registry_auth.h"

#include <jansson.h>
#include <stdbool.h>

/* All owned; what is not known is NULL. Everything but the server is secret. */
struct login {
    char *server;
    char *username;
    char *password;
    char *identity_token;
    char *registry_token;
};

/* Read an entry of `auths`: `auth` (base64 of USER:PASSWORD, which counts before the two members), `username` and
 * `password`, `identitytoken`, `registrytoken`. One that holds no secret leaves `out` empty: the secret is kept
 * elsewhere. ERR_CONFIG when `auth` is not what it should be. */
int login_read(const char *server, const json_t *entry, struct login *out, struct err *e);
/* Read what `docker-credential-X get` answered. ERR_SYSTEM when it is no login. */
int login_read_answer(const char *server, const char *text, size_t len, struct login *out, struct err *e);

/* The reverse of login_read: an entry of `auths`; a new reference, NULL for an empty login. */
json_t *login_entry(const struct login *l);

bool login_is_empty(const struct login *l);
/* Borrows from `l`. */
struct registry_auth login_auth(const struct login *l);
void login_release(struct login *l); /* overwrites the secrets */

#define auto_login __attribute__((cleanup(login_release))) struct login

/* Overwrites a text that holds a secret, and frees it; for __attribute__((cleanup)). */
void secret_forget(char **secret);
#define auto_secret __attribute__((cleanup(secret_forget))) char

#endif
