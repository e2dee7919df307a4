#include "cache/transfer/signature.h"

#include "base/digest.h"
#include "base/hex.h"
#include "base/strbuf.h"
#include "base/text.h"

#include <string.h>
#include <time.h>

#define UNSIGNED "UNSIGNED-PAYLOAD"

/* ---- The headers that are signed ---- */

/* "name:value": the name in lower case, the value without white space around it and with single blanks in it. */
static char *canonical_header(const char *header)
{
    auto_strbuf out = STRBUF_TEXT;
    size_t name = strcspn(header, ":");

    for (size_t i = 0; i < name; i++)
        strbuf_putc(&out, (char)(header[i] >= 'A' && header[i] <= 'Z' ? header[i] + 'a' - 'A' : header[i]));
    strbuf_putc(&out, ':');
    for (const char *word = header + name + (header[name] == ':'); *(word += strspn(word, " \t"));) {
        size_t len = strcspn(word, " \t");
        if (out.data[out.len - 1] != ':' || out.len > name + 1)
            strbuf_putc(&out, ' ');
        strbuf_putn(&out, word, len);
        word += len;
    }
    return strbuf_take(&out);
}

/* By their names alone: a ':' sorts behind the '-' that a longer name goes on with. */
static int by_name(const void *a, const void *b)
{
    const char *x = *(char *const *)a, *y = *(char *const *)b;
    size_t x_len = strcspn(x, ":"), y_len = strcspn(y, ":");
    int order = strncmp(x, y, x_len < y_len ? x_len : y_len);

    return order ? order : (x_len > y_len) - (x_len < y_len);
}

static void choose_headers(const struct url *u, const char *content_type, const struct strvec *headers,
                           struct strvec *out)
{
    auto_free char *host = xasprintf("host:%s", strstr(u->origin, "://") + 3);
    auto_free char *type = content_type ? xasprintf("content-type:%s", content_type) : NULL;

    strvec_push(out, host);
    if (type)
        strvec_push(out, type);
    for (size_t i = 0; i < headers->n; i++) {
        char *header = canonical_header(headers->items[i]);
        if (text_starts(header, "x-amz-") || text_starts(header, "content-type:"))
            strvec_give(out, header);
        else
            free(header);
    }
    qsort(out->items, out->n, sizeof(*out->items), by_name);
}

/* "host;x-amz-date" */
static char *names_of(const struct strvec *headers)
{
    auto_strbuf out = STRBUF_TEXT;

    for (size_t i = 0; i < headers->n; i++)
        strbuf_printf(&out, "%s%.*s", i ? ";" : "", (int)strcspn(headers->items[i], ":"), headers->items[i]);
    return strbuf_take(&out);
}

/* ---- The signature ---- */

static char *digest_request(const char *method, const struct url *u, const struct strvec *chosen, const char *names)
{
    auto_free char *lines = strvec_join(chosen, "\n");
    auto_free char *canonical = xasprintf("%s\n%s\n\n%s\n\n%s\n" UNSIGNED, method, u->path, lines, names);

    return digest_sha256_hex(canonical);
}

/* The key for one day, one region and S3 alone, then the signature itself. */
static char *sign(const struct signer *s, const char *day, const char *text)
{
    auto_free char *first = xasprintf("AWS4%s", s->key);
    const char *const steps[] = { s->region, "s3", "aws4_request", text };
    unsigned char key[DIGEST_BYTES];

    digest_hmac(first, strlen(first), day, key);
    for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
        digest_hmac(key, sizeof(key), steps[i], key);
    return hex_text(key, sizeof(key));
}

void signature_add(const struct signer *s, const char *method, const struct url *u, const char *content_type,
                   int64_t now, struct strvec *headers)
{
    const time_t when = (time_t)now;
    struct tm tm = { 0 };
    char date[32], day[16];
    auto_strvec chosen = STRVEC_INIT;

    (void)gmtime_r(&when, &tm);
    (void)strftime(date, sizeof(date), "%Y%m%dT%H%M%SZ", &tm);
    (void)strftime(day, sizeof(day), "%Y%m%d", &tm);
    strvec_pushf(headers, "x-amz-date: %s", date);
    strvec_push(headers, "x-amz-content-sha256: " UNSIGNED);
    if (s->token)
        strvec_pushf(headers, "x-amz-security-token: %s", s->token);

    choose_headers(u, content_type, headers, &chosen);
    auto_free char *names = names_of(&chosen);
    auto_free char *scope = xasprintf("%s/%s/s3/aws4_request", day, s->region);
    auto_free char *digest = digest_request(method, u, &chosen, names);
    auto_free char *text = xasprintf("AWS4-HMAC-SHA256\n%s\n%s\n%s", date, scope, digest);
    auto_free char *signature = sign(s, day, text);
    strvec_pushf(headers, "Authorization: AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s", s->key_id,
                 scope, names, signature);
}

void signer_release(struct signer *s)
{
    free(s->region);
    free(s->key_id);
    free(s->key);
    free(s->token);
    *s = (struct signer){ 0 };
}
