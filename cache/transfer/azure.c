#include "cache/transfer/azure.h"

#include "base/text.h"

#include <string.h>

static const char *variable(const struct strvec *env, const char *name, const char *otherwise)
{
    const char *value = strvec_env(env, name);

    return value && *value ? value : otherwise;
}

int azure_object(const char *url, const struct strvec *env, struct object *out, struct err *e)
{
    const char *container = url + strlen(AZURE_SCHEME);
    size_t len = strcspn(container, "/?");
    const char *key = container + len + (container[len] == '/');
    size_t key_len = strcspn(key, "?");
    const char *account = variable(env, "AZURE_STORAGE_ACCOUNT", NULL);
    const char *signature = variable(env, "AZURE_STORAGE_SAS_TOKEN", NULL);

    *out = (struct object){ .is_gocloud = true };
    if (len == 0 || key_len == 0)
        return err_set(e, ERR_CONFIG, 0, "the cache's address names no container or no object: it is to be "
                       AZURE_SCHEME "CONTAINER/KEY");
    if (!account || !signature)
        return err_set(e, ERR_CONFIG, 0, "no access to the cache's container '%.*s': AZURE_STORAGE_ACCOUNT and "
                       "AZURE_STORAGE_SAS_TOKEN are not set; account keys are not known here", (int)len, container);
    auto_strbuf address = STRBUF_TEXT;
    strbuf_printf(&address, "%s://%s.%s/%.*s/", variable(env, "AZURE_STORAGE_PROTOCOL", "https"), account,
                  variable(env, "AZURE_STORAGE_DOMAIN", "blob.core.windows.net"), (int)len, container);
    object_encode_key(&address, key, key_len);
    strbuf_printf(&address, "?%s", signature + (*signature == '?'));
    out->url = strbuf_take(&address);
    out->metadata_prefix = "x-ms-meta-";
    strvec_push(&out->upload, "x-ms-blob-type: BlockBlob");
    return 0;
}
