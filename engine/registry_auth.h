/* engine/registry_auth.h: image references, and the X-Registry-Auth header. */
#ifndef ENGINE_REGISTRY_AUTH_H
#define ENGINE_REGISTRY_AUTH_H

#include "base/err.h"
#include "base/strvec.h"

#include <stdbool.h>

/* Members that are NULL are not sent. */
struct registry_auth {
    const char *username;
    const char *password;
    const char *server; /* host[:port] */
    const char *identity_token; /* instead of a password: what a login by browser gave */
    const char *registry_token; /* a bearer token, sent to the registry as it is */
};

/* "X-Registry-Auth: <base64url of the JSON>", the caller's (and secret). NULL stands for
 * nobody. Returns NULL when a part is not UTF-8, which JSON cannot carry. */
char *registry_auth_header(const struct registry_auth *a);

/* An image's name in its parts (distribution's reference grammar; Docker Hub's
 * names are completed: "debian" is host "docker.io", path "library/debian"). */
struct image_reference {
    char *host; /* lower case, "docker.io" for Hub's */
    char *path;
    char *tag;    /* NULL when there is none */
    char *digest; /* "sha256:…", NULL when there is none */
};

/* ERR_JOB with the text shown when it is none. */
int image_reference_parse(const char *name, struct image_reference *out, struct err *e);
void image_reference_release(struct image_reference *r);
#define auto_image_reference __attribute__((cleanup(image_reference_release))) struct image_reference

#endif
