#include "cache/transfer/coordinator.h"

#include "base/json.h"
#include "base/number.h"
#include "base/text.h"
#include "cache/transfer/random.h"

#include <curl/curl.h>
#include <string.h>
#include <time.h>

#define SHORT_TOKEN 9 /* characters (contract 1.4) */
#define REQUEST_ID  "X-Request-Id: "
#define WAIT_MAX_MS ((int64_t)60000)

char *coordinator_artifacts_url(const struct coordinator *c, const char *query)
{
    size_t len = strlen(c->url);

    while (len > 0 && c->url[len - 1] == '/')
        len--;
    if (len > 3 && strncmp(c->url + len - 3, "/ci", 3) == 0)
        len -= 3;
    return xasprintf("%.*s/api/v4/jobs/%lld/artifacts%s%s", (int)len, c->url, (long long)c->id, *query ? "?" : "", query);
}

char *coordinator_header(const struct coordinator *c)
{
    return xasprintf("JOB-TOKEN: %s", c->token);
}

char *coordinator_request_id(void)
{
    auto_free char *id = random_hex();

    return xasprintf(REQUEST_ID "%s", id);
}

const char *coordinator_correlation(const char *request_id, const struct http_response *r)
{
    const char *theirs = http_header(r, "x-request-id");

    return theirs && *theirs ? theirs : request_id + strlen(REQUEST_ID);
}

char *coordinator_short_token(const char *token)
{
    static const char *const kinds[] = { "glrt-", "glrtr-", "glcbt-", "GR1348941" };

    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        if (text_starts(token, kinds[i])) {
            token += strlen(kinds[i]);
            break;
        }
    return xstrndup(token, SHORT_TOKEN);
}

char *coordinator_complaint(const struct transfer_request *q, const struct http_response *r)
{
    char status[64];
    const char *type = http_header(r, "content-type");
    auto_json *body = NULL;
    auto_url shown = { 0 };

    (void)transfer_status(r->status, status, sizeof(status));
    if (!type || !text_starts(type, "application/json") ||
        json_parse(strbuf_text(&r->body), r->body.len, "answer", &body, NULL) < 0)
        return xstrdup(status);
    const char *message = json_text(body, "message");
    if (!*message || url_parse(q->url, &shown, NULL) < 0)
        return xstrdup(status);
    auto_free char *quoted = text_quote(message);
    return xasprintf("%s %s%s: %s (%s)", q->method, shown.origin, shown.path, status, quoted);
}

int64_t coordinator_wait_ms(const struct http_response *r, int64_t otherwise_ms)
{
    const char *after = http_header(r, "retry-after");
    const char *until = http_header(r, "ratelimit-resettime");
    int64_t ms = otherwise_ms, seconds;

    if (after && number_parse(after, 0, 3600, &seconds) == 0)
        ms = seconds * 1000;
    else if (until && (seconds = (int64_t)curl_getdate(until, NULL)) >= 0)
        ms = (seconds - (int64_t)time(NULL)) * 1000;
    return ms < 0 ? 0 : ms < WAIT_MAX_MS ? ms : WAIT_MAX_MS;
}
