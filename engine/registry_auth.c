#include "engine/registry_auth.h"

#include "base/json.h"
#include "base/text.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <regex.h>
#include <string.h>

/* RFC 4648's alphabet for URLs, with padding, as Go's base64.URLEncoding reads it. */
static char *base64url(const char *text)
{
    size_t len = strlen(text);
    char *out = xmalloc(4 * ((len + 2) / 3) + 1);
    (void)EVP_EncodeBlock((unsigned char *)out, (const unsigned char *)text, (int)len);
    for (char *p = out; *p; p++)
        *p = *p == '+' ? '-' : *p == '/' ? '_' : *p;
    return out;
}

/* Overwritten before it is freed: the text holds the password. */
static void forget(char **secret)
{
    if (*secret)
        explicit_bzero(*secret, strlen(*secret));
    free(*secret);
}

char *registry_auth_header(const struct registry_auth *a)
{
    auto_json *doc = a ? json_pack("{s:s*, s:s*, s:s*, s:s*, s:s*}", "username", a->username, "password", a->password,
                                   "serveraddress", a->server, "identitytoken", a->identity_token,
                                   "registrytoken", a->registry_token)
                       : json_object();
    if (!doc)
        return NULL;
    __attribute__((cleanup(forget))) char *text = json_compact(doc);
    __attribute__((cleanup(forget))) char *encoded = base64url(text);
    return xasprintf("X-Registry-Auth: %s", encoded);
}

/* The grammar of github.com/distribution/reference, a part at a time. */
#define HOST_WORD "([a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
#define HOST      "^(" HOST_WORD "([.]" HOST_WORD ")*|\\[[0-9a-fA-F:]+\\])(:[0-9]+)?$"
#define PATH_WORD "[a-z0-9]+(([_.]|__|-+)[a-z0-9]+)*"
#define PATH      "^" PATH_WORD "(/" PATH_WORD ")*$"
#define TAG       "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$"
#define DIGEST    "^[A-Za-z][A-Za-z0-9]*([-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}$"

/* Host and path together, by the grammar; the rest is a tag and a digest. */
#define NAME_BYTES  255
#define WHOLE_BYTES 600

static bool fits(const char *text, const char *expression)
{
    regex_t re;
    if (regcomp(&re, expression, REG_EXTENDED | REG_NOSUB) != 0)
        abort(); /* they are all above */
    bool result = regexec(&re, text, 0, NULL, 0) == 0;
    regfree(&re);
    return result;
}

/* Docker's rule for "x/y": x is a host when it could not be a user of the Hub. */
static bool is_host(const char *word, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (strchr(".:", word[i]) || isupper((unsigned char)word[i]))
            return true;
    }
    return len == strlen("localhost") && strncmp(word, "localhost", len) == 0;
}

static void lower_case(char *s)
{
    for (; *s; s++)
        *s = (char)tolower((unsigned char)*s);
}

/* "host/path" or "path", completed as Docker does for its Hub. */
static void split_host(const char *name, struct image_reference *r)
{
    const char *slash = strchr(name, '/');
    if (slash && is_host(name, (size_t)(slash - name))) {
        r->host = xstrndup(name, (size_t)(slash - name));
        r->path = xstrdup(slash + 1);
    } else {
        r->host = xstrdup("docker.io");
        r->path = xstrdup(name);
    }
    lower_case(r->host);
    if (strcmp(r->host, "index.docker.io") == 0) { /* the Hub's old name */
        free(r->host);
        r->host = xstrdup("docker.io");
    }
    if (strcmp(r->host, "docker.io") == 0 && !strchr(r->path, '/')) {
        auto_free char *bare = take(&r->path);
        r->path = xasprintf("library/%s", bare);
    }
}

/* Cut "…:tag@digest" into its parts; none of them is checked yet. */
static void split_all(const char *text, struct image_reference *r)
{
    auto_free char *name = xstrdup(text);
    char *at = strchr(name, '@');
    if (at) {
        *at = '\0';
        r->digest = xstrdup(at + 1);
    }
    char *colon = strrchr(name, ':');
    if (colon && !strchr(colon, '/')) { /* one before a slash begins a port */
        *colon = '\0';
        r->tag = xstrdup(colon + 1);
    }
    split_host(name, r);
}

/* What is wrong with it, in words; NULL when nothing is. */
static const char *fault(const struct image_reference *r)
{
    if (!fits(r->host, HOST))
        return "its registry is no host name";
    if (strlen(r->host) + 1 + strlen(r->path) > NAME_BYTES)
        return "its name is longer than 255 bytes";
    if (!fits(r->path, PATH))
        return "its path must be of a-z, 0-9, and single separators . _ - /";
    if (r->tag && !fits(r->tag, TAG))
        return "its tag must be of letters, digits, _ . and -, at most 128";
    if (r->digest && !fits(r->digest, DIGEST))
        return "its digest is not like sha256:0123…";
    return NULL;
}

int image_reference_parse(const char *name, struct image_reference *out, struct err *e)
{
    auto_image_reference r = { 0 };
    const char *why = "it is too long";
    if (strlen(name) <= WHOLE_BYTES) {
        split_all(name, &r);
        why = *name ? fault(&r) : "it is empty";
    }
    if (!why) {
        *out = r;
        r = (struct image_reference){ 0 };
        return 0;
    }
    auto_free char *shown = text_quote(name);
    return err_set(e, ERR_JOB, 0, "'%s' is no image's name: %s", shown, why);
}

void image_reference_release(struct image_reference *r)
{
    free(r->host);
    free(r->path);
    free(r->tag);
    free(r->digest);
    *r = (struct image_reference){ 0 };
}
