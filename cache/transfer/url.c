#include "cache/transfer/url.h"

#include "base/text.h"

#include <curl/curl.h>
#include <string.h>

static void cleanup_curlu(CURLU **u)
{
    curl_url_cleanup(*u);
}
#define auto_curlu __attribute__((cleanup(cleanup_curlu))) CURLU

/* One part of it, the caller's; "" when it has none. */
static char *part(CURLU *u, CURLUPart what, unsigned flags)
{
    char *text = NULL;

    if (curl_url_get(u, what, &text, flags) != CURLUE_OK)
        return xstrdup("");
    char *copy = xstrdup(text);
    curl_free(text);
    return copy;
}

static void take_apart(CURLU *u, struct url *out)
{
    auto_free char *scheme = part(u, CURLUPART_SCHEME, 0);
    auto_free char *host = part(u, CURLUPART_HOST, 0);
    auto_free char *port = part(u, CURLUPART_PORT, CURLU_NO_DEFAULT_PORT);
    auto_free char *path = part(u, CURLUPART_PATH, 0);
    auto_free char *query = part(u, CURLUPART_QUERY, 0);

    *out = (struct url){
        .origin = xasprintf("%s://%s%s%s", scheme, host, *port ? ":" : "", port),
        .path = xasprintf("%s%s%s", path, *query ? "?" : "", query),
        .shown = xasprintf("%s://%s%s%s%s", scheme, host, *port ? ":" : "", port, path),
    };
}

static bool is_http(CURLU *u)
{
    auto_free char *scheme = part(u, CURLUPART_SCHEME, 0);

    return strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0;
}

/* `base` (NULL: none) is what a relative one starts from. What cannot be read is not shown: it may hold a secret. */
static int read_url(const char *base, const char *text, struct url *out, struct err *e)
{
    auto_curlu *u = curl_url();

    if (!u)
        return err_set(e, ERR_SYSTEM, 0, "no memory for an address");
    CURLUcode code = base ? curl_url_set(u, CURLUPART_URL, base, CURLU_PATH_AS_IS) : CURLUE_OK;
    if (code == CURLUE_OK) /* with its blanks and the like encoded, as browsers take them */
        code = curl_url_set(u, CURLUPART_URL, text, CURLU_PATH_AS_IS | CURLU_URLENCODE);
    if (code != CURLUE_OK || !is_http(u))
        return err_set(e, ERR_USAGE, 0, "this is no http:// or https:// address: %s",
                       code == CURLUE_OK ? "another scheme" : curl_url_strerror(code));
    take_apart(u, out);
    return 0;
}

int url_parse(const char *text, struct url *out, struct err *e)
{
    return read_url(NULL, text, out, e);
}

int url_follow(const struct url *from, const char *location, struct url *out, struct err *e)
{
    auto_free char *base = xasprintf("%s%s", from->origin, from->path);

    return read_url(base, location, out, e);
}

bool url_same_origin(const struct url *a, const struct url *b)
{
    return strcasecmp(a->origin, b->origin) == 0;
}

char *url_host(const struct url *u)
{
    const char *host = strstr(u->origin, "://") + 3;
    const char *end = host[0] == '[' ? strchr(host, ']') : NULL;

    return xstrndup(host, end ? (size_t)(end + 1 - host) : strcspn(host, ":"));
}

void url_release(struct url *u)
{
    free(u->origin);
    free(u->path);
    free(u->shown);
    *u = (struct url){ 0 };
}
