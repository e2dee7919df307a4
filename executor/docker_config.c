#include "executor/docker_config.h"

#include "base/json.h"
#include "base/text.h"

#include <ctype.h>
#include <string.h>

#define HUB     "docker.io"
#define HUB_KEY "https://index.docker.io/v1/" /* what `docker login` and helpers call it */

/* One search: what is looked through, by whom, for whom. */
struct search {
    const json_t *doc;
    const struct credential_helper *helper;
    const struct log *log;
};

static void cut_end(char *text, const char *end)
{
    if (text_ends(text, end))
        text[strlen(text) - strlen(end)] = '\0';
    while (text_ends(text, "/"))
        text[strlen(text) - 1] = '\0';
}

char *docker_config_registry(const char *key)
{
    static const char *const schemes[] = { "https://", "http://" };
    static const char *const old_hub_names[] = { "index.docker.io", "registry-1.docker.io", NULL };

    for (size_t i = 0; i < ARRAY_SIZE(schemes); i++)
        if (strncasecmp(key, schemes[i], strlen(schemes[i])) == 0) {
            key += strlen(schemes[i]);
            break;
        }
    auto_free char *name = xstrdup(key);
    cut_end(name, "/");
    cut_end(name, "/v1"); /* the API's versions, which logins of old are kept under */
    cut_end(name, "/v2");
    size_t host = strcspn(name, "/");
    for (size_t i = 0; i < host; i++)
        name[i] = (char)tolower((unsigned char)name[i]);
    auto_free char *only_host = xstrndup(name, host);
    return text_is_any(only_host, old_hub_names) ? xasprintf(HUB "%s", name + host) : take(&name);
}

const char *docker_config_key(const char *registry)
{
    return strcmp(registry, HUB) == 0 ? HUB_KEY : registry;
}

/* The entry of an object whose key means `path`: its value, and the key as it is written. */
static const json_t *entry_of(const json_t *object, const char *path, const char **out_key)
{
    void *iter = json_object_iter((json_t *)(uintptr_t)object); /* it changes nothing; it has no const */

    for (; iter; iter = json_object_iter_next((json_t *)(uintptr_t)object, iter)) {
        auto_free char *registry = docker_config_registry(json_object_iter_key(iter));
        if (strcmp(registry, path) == 0) {
            *out_key = json_object_iter_key(iter);
            return json_object_iter_value(iter);
        }
    }
    return NULL;
}

/* A helper that is missing or fails is no reason not to look further: another source may know. */
static int ask(const struct search *s, const char *name, const char *server, struct login *out, struct err *e)
{
    auto_err problem = ERR_INIT;

    if (credential_helper_get(s->helper, name, server, out, &problem) == 0)
        return 0;
    if (problem.kind == ERR_CONFIG || problem.kind == ERR_CANCELLED)
        return err_move(e, &problem);
    log_warning(s->log, "credentials: %s, going on without", err_text(&problem));
    *out = (struct login){ 0 };
    return 0;
}

static int from_helper(const struct search *s, const char *path, struct login *out, struct err *e)
{
    const char *server = NULL;
    const json_t *name = entry_of(json_object_get(s->doc, "credHelpers"), path, &server);

    return json_is_string(name) ? ask(s, json_string_value(name), server, out, e) : 0;
}

/* A store is asked by the key that `auths` has for what lies in it; for a host also without one. */
static int from_store(const struct search *s, const char *path, struct login *out, struct err *e)
{
    const char *store = json_text(s->doc, "credsStore");
    const char *server = NULL;

    if (!*store)
        return 0;
    if (!entry_of(json_object_get(s->doc, "auths"), path, &server)) {
        if (strchr(path, '/'))
            return 0;
        server = docker_config_key(path);
    }
    return ask(s, store, server, out, e);
}

static int from_auths(const struct search *s, const char *path, struct login *out, struct err *e)
{
    const char *server = NULL;
    const json_t *entry = entry_of(json_object_get(s->doc, "auths"), path, &server);

    if (!entry)
        return 0;
    if (login_read(server, entry, out, e) == 0)
        return 0;
    auto_free char *shown = text_quote(server);
    return err_wrap(e, "the entry for '%s'", shown);
}

/* Where the login for one path may be, in the order in which it counts. */
typedef int from_fn(const struct search *s, const char *path, struct login *out, struct err *e);
static from_fn *const places[] = { from_helper, from_store, from_auths };

static int find_at(const struct search *s, const char *path, struct login *out, struct err *e)
{
    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        auto_login found = { 0 };
        if (places[i](s, path, &found, e) < 0)
            return -1;
        if (login_is_empty(&found))
            continue;
        *out = found;
        found = (struct login){ 0 };
        return 0;
    }
    *out = (struct login){ 0 };
    return 0;
}

int docker_config_find(const json_t *doc, const struct image_reference *image, const struct credential_helper *helper,
                       const struct log *log, struct login *out, struct err *e)
{
    const struct search search = { doc, helper, log };
    auto_free char *path = xasprintf("%s/%s", image->host, image->path);
    auto_login found = { 0 };

    for (char *end = path; end; end = strrchr(path, '/')) {
        if (end != path)
            *end = '\0';
        if (find_at(&search, path, &found, e) < 0)
            return -1;
        if (!login_is_empty(&found))
            break;
    }
    *out = found;
    found = (struct login){ 0 };
    return 0;
}
