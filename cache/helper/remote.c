#include "cache/helper/remote.h"

#include "base/env_text.h"
#include "base/file.h"
#include "base/text.h"
#include "cache/helper/idle.h"
#include "cache/transfer/azure.h"
#include "cache/transfer/s3.h"

#include <string.h>

#define PAUSE_MAX_MS ((int64_t)60000)
#define ENV_FILE_MAX ((size_t)1 << 20)
#define IDLE_MS      ((int64_t)30000)
#define TIMEOUT_MAX  100000 /* minutes: two months */

static void add(void *ctx, const char *key, const char *value, bool raw)
{
    (void)raw;
    strvec_set_env(ctx, key, value);
}

int remote_environment(const struct helper *h, const struct remote *r, struct strvec *out, struct err *e)
{
    auto_free char *text = NULL;
    size_t len = 0;
    const struct env_text how = { .dollar = "$", .add = add, .ctx = out };

    for (char *const *entry = h->env; *entry; entry++)
        strvec_push(out, *entry);
    if (!r->env_file || !*r->env_file)
        return 0;
    if (file_read(r->env_file, ENV_FILE_MAX, &text, &len, e) < 0)
        return err_wrap(e, "--env-file");
    return env_text_parse(r->env_file, text, len, &how, e);
}

static const struct store {
    const char *scheme;
    int (*object)(const char *url, const struct strvec *env, struct object *out, struct err *e);
} stores[] = {
    { S3_SCHEME, s3_object },
    { AZURE_SCHEME, azure_object },
};

int remote_object(const char *url, const char *gocloud, const struct strvec *env, struct object *out, struct err *e)
{
    if (!gocloud || !*gocloud) {
        object_of_url(url, out);
        return 0;
    }
    for (size_t i = 0; i < ARRAY_SIZE(stores); i++)
        if (text_starts(gocloud, stores[i].scheme))
            return stores[i].object(gocloud, env, out, e);
    auto_free char *scheme = xstrndup(gocloud, strcspn(gocloud, ":"));
    auto_free char *shown = text_quote(scheme);
    return err_set(e, ERR_CONFIG, 0, "this helper knows " S3_SCHEME ", " AZURE_SCHEME " and presigned addresses, not "
                   "'%s://'; [runners.cache] of the runner says which", shown);
}

struct object_tries remote_tries(const struct helper *h, const struct remote *r)
{
    const char *parallel = env_get(h->env, "FF_USE_PARALLEL_CACHE_TRANSFER");
    bool ranges = parallel && text_is_any(parallel, (const char *const[]){ "true", "1", NULL });

    return (struct object_tries){
        .more = (int)(r->more_tries > 20 ? 20 : r->more_tries),
        .pause_ms = r->pause_ms < PAUSE_MAX_MS ? r->pause_ms : PAUSE_MAX_MS,
        .timeout_ms = (r->timeout_min > 0 && r->timeout_min < TIMEOUT_MAX ? r->timeout_min : 10) * 60000,
        .idle_ms = idle_ms(h, IDLE_MS),
        .piece = ranges ? r->piece : 0,
        .side_by_side = (int)(r->side_by_side > 64 ? 64 : r->side_by_side),
        .meter_ms = r->meter_ms,
    };
}

struct transfer remote_transfer(const struct helper *h)
{
    return (struct transfer){ .report = &h->report,
                              .interrupt_fd = h->interrupt_fd,
                              .ca_file = env_get(h->env, "CI_SERVER_TLS_CA_FILE") };
}
