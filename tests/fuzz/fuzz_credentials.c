/* A Docker client's configuration, which a job's author writes: reading it ends, and what it gives is a whole login
 * that JSON can carry to the daemon. No helper is run: names have a path separator, or nothing answers to them. */
#include "base/json.h"
#include "executor/docker_config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_login(const struct login *l)
{
    if (login_is_empty(l))
        return;
    struct registry_auth auth = login_auth(l);
    auto_free char *header = registry_auth_header(&auth); /* NULL: `auth` was of bytes that are not UTF-8 */
    if (!l->server || (header && strchr(header, '\n')))
        abort();
}

/* A key means one registry, however often it is asked for. */
static void check_key(const char *key)
{
    auto_free char *registry = docker_config_registry(key);
    if (strlen(registry) > strlen(key) || (*registry && registry[strlen(registry) - 1] == '/'))
        abort();
}

static void find(const json_t *doc, const char *name)
{
    char *no_programs[] = { NULL };
    const struct credential_helper helper = { no_programs, -1, 1000 };
    const struct log quiet = { .fd = -1, .level = LOG_ERROR };
    auto_image_reference image = { 0 };
    auto_login found = { 0 };

    if (image_reference_parse(name, &image, NULL) < 0)
        abort();
    if (docker_config_find(doc, &image, &helper, &quiet, &found, NULL) == 0)
        check_login(&found);
    else if (!login_is_empty(&found))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    auto_json *doc = NULL;
    auto_login answer = { 0 };
    const char *key;
    json_t *value;

    (void)setenv("PATH", "/nonexistent", 1);
    if (login_read_answer("r.io", (const char *)data, size, &answer, NULL) == 0)
        check_login(&answer);
    if (json_parse((const char *)data, size, "it", &doc, NULL) < 0)
        return 0;
    json_object_foreach(json_object_get(doc, "auths"), key, value)
        check_key(key);
    find(doc, "debian");
    find(doc, "r.io/a/b");
    return 0;
}
