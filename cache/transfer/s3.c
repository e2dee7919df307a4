#include "cache/transfer/s3.h"

#include "base/text.h"

#include <curl/curl.h>
#include <string.h>

/* What may stand behind the `?`: by Go's cloud library, older and newer names. */
struct address {
    char *bucket, *key;
    char *region, *endpoint, *profile;
    char *encryption, *encryption_key;
    bool path_style, dual_stack, accelerate, no_tls;
};

static const struct parameter {
    const char *name;
    size_t text; /* offset of a char * in struct address, */
    size_t flag; /* or of a bool */
} parameters[] = {
#define TEXT(name, member) { name, offsetof(struct address, member), 0 }
#define FLAG(name, member) { name, 0, offsetof(struct address, member) }
    TEXT("region", region),
    TEXT("endpoint", endpoint),
    TEXT("profile", profile),
    TEXT("ssetype", encryption),
    TEXT("kmskeyid", encryption_key),
    FLAG("use_path_style", path_style),
    FLAG("s3ForcePathStyle", path_style),
    FLAG("hostname_immutable", path_style),
    FLAG("dualstack", dual_stack),
    FLAG("accelerate", accelerate),
    FLAG("disable_https", no_tls),
    FLAG("disableSSL", no_tls),
#undef TEXT
#undef FLAG
};

static void address_release(struct address *a)
{
    char *const owned[] = { a->bucket, a->key, a->region, a->endpoint, a->profile, a->encryption, a->encryption_key };

    for (size_t i = 0; i < ARRAY_SIZE(owned); i++)
        free(owned[i]);
}

static char *decode(const char *text, size_t len)
{
    int n = 0;
    char *raw = curl_easy_unescape(NULL, text, (int)len, &n);
    char *copy = xstrndup(raw ? raw : "", (size_t)n);

    curl_free(raw);
    return copy;
}

static void set_parameter(struct address *a, const char *name, const char *value, size_t len)
{
    for (size_t i = 0; i < ARRAY_SIZE(parameters); i++) {
        const struct parameter *p = &parameters[i];
        if (strcmp(p->name, name) != 0)
            continue;
        char *text = decode(value, len);
        if (p->flag) {
            *(bool *)((char *)a + p->flag) = strcmp(text, "true") == 0 || strcmp(text, "1") == 0;
            free(text);
        } else {
            char **member = (char **)(void *)((char *)a + p->text);
            free(*member);
            *member = text;
        }
    }
}

static void read_parameters(const char *query, struct address *a)
{
    while (*query) {
        size_t len = strcspn(query, "&");
        size_t name_len = strcspn(query, "=&");
        auto_free char *name = xstrndup(query, name_len);
        if (name_len < len)
            set_parameter(a, name, query + name_len + 1, len - name_len - 1);
        query += len + (query[len] == '&');
    }
}

static int read_address(const char *url, struct address *a, struct err *e)
{
    const char *rest = url + strlen(S3_SCHEME);
    size_t bucket = strcspn(rest, "/?");
    size_t path = strcspn(rest, "?");
    a->bucket = xstrndup(rest, bucket);
    a->key = bucket < path ? xstrndup(rest + bucket + 1, path - bucket - 1) : xstrdup("");
    if (rest[path])
        read_parameters(rest + path + 1, a);
    if (!*a->bucket || !*a->key)
        return err_set(e, ERR_CONFIG, 0, "the cache's address names no bucket or no object: it is to be s3://BUCKET/KEY");
    return 0;
}

/* "https://host", by what Amazon calls them or by the owner's own. */
static char *origin_of(const struct address *a, const char *region)
{
    const char *scheme = a->no_tls ? "http" : "https";

    if (a->endpoint && strstr(a->endpoint, "://"))
        return xstrndup(a->endpoint, strlen(a->endpoint) - (size_t)text_ends(a->endpoint, "/"));
    if (a->endpoint)
        return xasprintf("%s://%s", scheme, a->endpoint);
    if (a->accelerate)
        return xasprintf("%s://s3-accelerate%s.amazonaws.com", scheme, a->dual_stack ? ".dualstack" : "");
    return xasprintf("%s://s3%s.%s.amazonaws.com", scheme, a->dual_stack ? ".dualstack" : "", region);
}

/* Path style wherever there is an endpoint of one's own: its certificate rarely has a name for each bucket. */
static char *url_of(const struct address *a, const char *region)
{
    auto_free char *origin = origin_of(a, region);
    auto_strbuf url = STRBUF_TEXT;

    if (a->path_style || a->endpoint || strchr(a->bucket, '.'))
        strbuf_printf(&url, "%s/%s/", origin, a->bucket);
    else
        strbuf_printf(&url, "%.*s%s.%s/", (int)(strstr(origin, "://") + 3 - origin), origin, a->bucket,
                      strstr(origin, "://") + 3);
    object_encode_key(&url, a->key, strlen(a->key));
    return strbuf_take(&url);
}

static void add_encryption(const struct address *a, struct strvec *out)
{
    if (a->encryption && *a->encryption)
        strvec_pushf(out, "x-amz-server-side-encryption: %s", a->encryption);
    if (a->encryption_key && *a->encryption_key)
        strvec_pushf(out, "x-amz-server-side-encryption-aws-kms-key-id: %s", a->encryption_key);
}

static const char *first_of(const char *a, const char *b, const char *c, const char *d)
{
    return a && *a ? a : b && *b ? b : c && *c ? c : d;
}

static int sign(const struct address *a, const struct strvec *env, struct object *out, struct err *e)
{
    const char *id = strvec_env(env, "AWS_ACCESS_KEY_ID");
    const char *key = strvec_env(env, "AWS_SECRET_ACCESS_KEY");
    const char *token = strvec_env(env, "AWS_SESSION_TOKEN");
    const char *region = first_of(a->region, strvec_env(env, "AWS_REGION"), strvec_env(env, "AWS_DEFAULT_REGION"),
                                  "us-east-1");

    if (!id || !*id || !key || !*key)
        return err_set(e, ERR_CONFIG, 0, "no keys for the cache's bucket '%s': AWS_ACCESS_KEY_ID and "
                       "AWS_SECRET_ACCESS_KEY are not set; profiles and roles of the host are not known here", a->bucket);
    out->is_gocloud = true;
    out->metadata_prefix = "x-amz-meta-";
    out->signer = (struct signer){ .region = xstrdup(region),
                                   .key_id = xstrdup(id),
                                   .key = xstrdup(key),
                                   .token = token && *token ? xstrdup(token) : NULL };
    out->url = url_of(a, region);
    return 0;
}

int s3_object(const char *url, const struct strvec *env, struct object *out, struct err *e)
{
    __attribute__((cleanup(address_release))) struct address a = { 0 };

    *out = (struct object){ 0 };
    if (read_address(url, &a, e) < 0 || sign(&a, env, out, e) < 0)
        return -1;
    add_encryption(&a, &out->upload);
    return 0;
}
