#include "executor/login.h"

#include "base/json.h"

#include <openssl/evp.h>
#include <string.h>

/* A user name that says that the password is an identity token (docker-credential-helpers). */
#define TOKEN_USER "<token>"

void secret_forget(char **secret)
{
    if (*secret)
        explicit_bzero(*secret, strlen(*secret));
    free(*secret);
    *secret = NULL;
}

/* Base64 with its padding, line breaks allowed. NULL when it is none, or when NUL bytes stand before others:
 * docker itself pads passwords with NULs, at the end. */
static char *decode(const char *text)
{
    size_t len = strlen(text);
    auto_secret *packed = xcalloc(1, len + 1);
    size_t n = 0;

    for (size_t i = 0; i < len; i++)
        if (!strchr("\r\n", text[i]))
            packed[n++] = text[i];
    size_t padding = n - strcspn(packed, "=");
    if (n % 4 != 0 || padding > 2 || strspn(packed + n - padding, "=") != padding)
        return NULL;
    char *out = xcalloc(1, n / 4 * 3 + 1);
    int decoded = EVP_DecodeBlock((unsigned char *)out, (const unsigned char *)packed, (int)n);
    if (decoded < (int)padding) {
        free(out);
        return NULL;
    }
    size_t bytes = (size_t)decoded - padding;
    for (size_t i = strlen(out); i < bytes; i++)
        if (out[i] != '\0') {
            explicit_bzero(out, bytes);
            free(out);
            return NULL;
        }
    return out;
}

static int read_auth(const char *auth, struct login *out, struct err *e)
{
    auto_secret *pair = decode(auth);
    const char *colon = pair ? strchr(pair, ':') : NULL;

    if (!colon || colon == pair)
        return err_set(e, ERR_CONFIG, 0, "its 'auth' is not the base64 of USER:PASSWORD");
    secret_forget(&out->username);
    secret_forget(&out->password);
    out->username = xstrndup(pair, (size_t)(colon - pair));
    out->password = xstrdup(colon + 1);
    return 0;
}

/* NULL when the member is missing or empty. */
static char *member(const json_t *entry, const char *key)
{
    const char *text = json_text(entry, key);
    return *text ? xstrdup(text) : NULL;
}

int login_read(const char *server, const json_t *entry, struct login *out, struct err *e)
{
    auto_login l = {
        .server = xstrdup(server),
        .username = member(entry, "username"),
        .password = member(entry, "password"),
        .identity_token = member(entry, "identitytoken"),
        .registry_token = member(entry, "registrytoken"),
    };
    const char *auth = json_text(entry, "auth");

    if (*auth && read_auth(auth, &l, e) < 0)
        return -1;
    *out = l;
    l = (struct login){ 0 };
    return 0;
}

int login_read_answer(const char *server, const char *text, size_t len, struct login *out, struct err *e)
{
    auto_json *doc = NULL;

    if (json_parse(text, len, "its answer", &doc, e) < 0)
        return -1;
    char *username = member(doc, "Username");
    char *secret = member(doc, "Secret");
    if (!username || !secret) {
        secret_forget(&username);
        secret_forget(&secret);
        return err_set(e, ERR_SYSTEM, 0, "its answer has no Username or no Secret");
    }
    *out = (struct login){ .server = xstrdup(server), .username = username };
    if (strcmp(username, TOKEN_USER) == 0)
        out->identity_token = secret;
    else
        out->password = secret;
    return 0;
}

/* The base64 of USER:PASSWORD, secret; NULL without a user. */
static char *encode_pair(const struct login *l)
{
    if (!l->username)
        return NULL;
    auto_secret *pair = xasprintf("%s:%s", l->username, l->password ? l->password : "");
    size_t len = strlen(pair);
    char *out = xmalloc(4 * ((len + 2) / 3) + 1);
    (void)EVP_EncodeBlock((unsigned char *)out, (const unsigned char *)pair, (int)len);
    return out;
}

json_t *login_entry(const struct login *l)
{
    if (login_is_empty(l))
        return NULL;
    auto_secret *auth = encode_pair(l);
    return json_pack("{s:s*, s:s*, s:s*}", "auth", auth, "identitytoken", l->identity_token, "registrytoken",
                     l->registry_token);
}

bool login_is_empty(const struct login *l)
{
    return !(l->username && l->password) && !l->identity_token && !l->registry_token;
}

struct registry_auth login_auth(const struct login *l)
{
    return (struct registry_auth){
        .username = l->username,
        .password = l->password,
        .server = l->server,
        .identity_token = l->identity_token,
        .registry_token = l->registry_token,
    };
}

void login_release(struct login *l)
{
    free(l->server);
    secret_forget(&l->username);
    secret_forget(&l->password);
    secret_forget(&l->identity_token);
    secret_forget(&l->registry_token);
    *l = (struct login){ 0 };
}
