#include "executor/config.h"

#include "base/file.h"
#include "base/number.h"
#include "base/text.h"
#include "base/yaml.h"
#include "executor/config_key.h"
#include "executor/config_read.h"
#include "stages/setting.h"

#include <string.h>
#include <unistd.h>

#define CONFIG_MAX ((size_t)1 << 20)

static bool setting_fits(const struct yaml *y, const void *setting)
{
    const struct setting *s = setting;
    auto_json *value = s->read(y);

    return value != NULL;
}

static int read_setting(const char *file, const struct setting *s, const struct yaml *y, struct kind *kind,
                        struct err *e)
{
    json_t *value = s->read(y);

    if (!value)
        return config_bad_part(file, s->name, y, s->problem, setting_fits, s, e);
    json_object_set_new(kind->settings, s->name, value);
    return 0;
}

static int unknown_kind_key(const char *file, const struct yaml *y, struct err *e)
{
    auto_strvec words = STRVEC_INIT;

    key_names(config_kind_keys, &words);
    for (const struct setting *s = settings; s->name; s++)
        strvec_push(&words, s->name);
    return config_unknown_key(file, y, &words, e);
}

static int read_kind_key(const char *file, const struct yaml *y, struct kind *kind, struct err *e)
{
    const struct key *k = key_find(config_kind_keys, y->key);
    const struct setting *s = setting_find(y->key);

    if (k)
        return config_read_key(file, k, y, kind, e);
    if (s)
        return read_setting(file, s, y, kind, e);
    return unknown_kind_key(file, y, e);
}

static int read_kind(const char *file, const struct yaml *y, struct kind *kind, struct err *e)
{
    if (config_need_map(file, y, y->key, e) < 0)
        return -1;
    for (size_t i = 0; i < y->n; i++)
        if (read_kind_key(file, y->items[i], kind, e) < 0)
            return -1;
    return 0;
}

static int unknown_kind(const char *file, const struct yaml *y, struct err *e)
{
    auto_strvec words = STRVEC_INIT;

    for (const char *const *name = kind_names(); *name; name++)
        strvec_push(&words, *name);
    return config_unknown_key(file, y, &words, e);
}

static int read_kinds(const char *file, const struct yaml *y, struct config *c, struct err *e)
{
    enum kind_id id;

    if (config_need_map(file, y, "kinds", e) < 0)
        return -1;
    for (size_t i = 0; i < y->n; i++) {
        if (kind_parse(y->items[i]->key, &id) < 0)
            return unknown_kind(file, y->items[i], e);
        if (read_kind(file, y->items[i], &c->kinds.of[id], e) < 0)
            return -1;
    }
    return 0;
}

static int read_stages(const char *file, const struct yaml *y, struct config *c, struct err *e)
{
    enum kind_id id;

    if (config_need_map(file, y, "stages", e) < 0)
        return -1;
    for (size_t i = 0; i < y->n; i++) {
        const struct yaml *kind = y->items[i];
        if (kind->type != YAML_SCALAR || kind_parse(kind->text, &id) < 0)
            return yaml_error(e, ERR_CONFIG, file, kind,
                              "stages: the kind of a stage is one of pull, build, push, test, deploy, other");
        strvec_push(&c->kinds.of[id].stages, kind->key);
    }
    return 0;
}

static int read_services(const char *file, const struct yaml *y, struct config *c, struct err *e)
{
    auto_strvec words = STRVEC_INIT;

    key_names(config_service_keys, &words);
    if (config_need_map(file, y, "services", e) < 0)
        return -1;
    for (size_t i = 0; i < y->n; i++) {
        const struct key *k = key_find(config_service_keys, y->items[i]->key);
        if ((k ? config_read_key(file, k, y->items[i], c, e) : config_unknown_key(file, y->items[i], &words, e)) < 0)
            return -1;
    }
    return 0;
}

/* The keys of the first level that hold a map. */
static const struct section {
    const char *name;
    int (*read)(const char *file, const struct yaml *y, struct config *c, struct err *e);
} sections[] = {
    { "stages", read_stages },
    { "kinds", read_kinds },
    { "services", read_services },
    { "targets", config_read_targets },
};

static const struct section *find_section(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(sections); i++)
        if (strcmp(sections[i].name, name) == 0)
            return &sections[i];
    return NULL;
}

static int unknown_top_key(const char *file, const struct yaml *y, struct err *e)
{
    auto_strvec words = STRVEC_INIT;

    key_names(config_keys, &words);
    for (size_t i = 0; i < ARRAY_SIZE(sections); i++)
        strvec_push(&words, sections[i].name);
    return config_unknown_key(file, y, &words, e);
}

static int read_top(const char *file, const struct yaml *root, struct config *c, struct err *e)
{
    if (config_need_map(file, root, "the configuration", e) < 0)
        return -1;
    for (size_t i = 0; i < root->n; i++) {
        const struct yaml *y = root->items[i];
        const struct key *k = key_find(config_keys, y->key);
        const struct section *section = find_section(y->key);
        int rc = k         ? config_read_key(file, k, y, c, e)
                 : section ? section->read(file, y, c, e)
                           : unknown_top_key(file, y, e);
        if (rc < 0)
            return -1;
    }
    return 0;
}

/* Root keeps its state where the system does; others, who run pipelines on their own
 * machine, in their own cache folder. */
static char *default_folder(char *const *env, const char *name)
{
    const char *cache = env_get(env, "XDG_CACHE_HOME");
    const char *home = env_get(env, "HOME");

    if (geteuid() != 0 && cache && cache[0] == '/')
        return xasprintf("%s/atelier/%s", cache, name);
    if (geteuid() != 0 && home && home[0] == '/')
        return xasprintf("%s/.cache/atelier/%s", home, name);
    return xasprintf("/var/lib/atelier/%s", name);
}

static void defaults(struct config *c, char *const *env)
{
    *c = (struct config){
        .builds = default_folder(env, "builds"),
        .cache = default_folder(env, "cache"),
        .image = xstrdup("atelier/ci:latest"),
        .helper_image = xstrdup("atelier/helper:" ATELIER_VERSION),
        .direct = true,
        .cancel_grace_ms = 10000,
        .idle_networks = 10,
        .trace_ms = 24 * 60 * 60 * 1000,
        .services = { UNREADY_FAIL, 30000 },
    };
    strvec_push(&c->pull_policy, "if-not-present");
    kinds_init(&c->kinds);
}

int config_read_text(const char *name, const char *text, size_t len, char *const *env, struct config *out,
                     struct err *e)
{
    static const struct yaml_limits limits = YAML_LIMITS;
    auto_yaml *root = NULL;
    auto_config c = { 0 };

    if (yaml_read(name, text, len, &limits, &root, e) < 0) {
        if (e)
            e->kind = ERR_CONFIG;
        return -1;
    }
    defaults(&c, env);
    if (read_top(name, root, &c, e) < 0)
        return -1;
    *out = c;
    c = (struct config){ 0 };
    return 0;
}

static int take_environment(char *const *env, struct config *c, struct err *e)
{
    const char *keep = env_get(env, CONFIG_KEEP_VARIABLE);
    const char *standby = env_get(env, CONFIG_STANDBY_VARIABLE);
    const char *networks = env_get(env, CONFIG_NETWORKS_VARIABLE);

    if (keep && duration_parse(keep, &c->keep_failed_ms) < 0)
        return err_set(e, ERR_CONFIG, 0, CONFIG_KEEP_VARIABLE " in the environment is no time, such as 30m");
    if (standby && number_parse(standby, 0, 1, &c->standby) < 0)
        return err_set(e, ERR_CONFIG, 0, CONFIG_STANDBY_VARIABLE " in the environment is neither 0 nor 1");
    if (networks && number_parse(networks, 0, CONFIG_NETWORKS_MAX, &c->idle_networks) < 0)
        return err_set(e, ERR_CONFIG, 0, CONFIG_NETWORKS_VARIABLE " in the environment is no number from 0 to 1000");
    return 0;
}

int config_read(const char *path, char *const *env, struct config *out, struct err *e)
{
    auto_err error = ERR_INIT;
    auto_free char *text = NULL;
    size_t len = 0;

    if (file_read(path ? path : CONFIG_DEFAULT_PATH, CONFIG_MAX, &text, &len, &error) == 0)
        return config_read_text(path ? path : CONFIG_DEFAULT_PATH, text, len, env, out, e) < 0
                   ? -1
                   : take_environment(env, out, e);
    if (error.kind == ERR_NOT_FOUND && !path) {
        defaults(out, env);
        return take_environment(env, out, e);
    }
    error.kind = ERR_CONFIG;
    (void)err_wrap(&error, "configuration");
    return err_move(e, &error);
}

void config_endpoint(const struct config *c, char *const *env, struct engine_endpoint *out)
{
    engine_endpoint_from_env(out, env);
    if (c->docker_host)
        out->host = c->docker_host;
    if (c->docker_cert_path)
        out->cert_path = c->docker_cert_path;
    if (c->docker_tls_verify)
        out->tls_verify = true;
}

bool config_endpoint_is_unix(const struct engine_endpoint *endpoint)
{
    return !endpoint->host || text_starts(endpoint->host, "unix://");
}

bool config_uses_volumes(const struct config *c, const struct engine_endpoint *endpoint)
{
    return c->storage == STORAGE_VOLUMES || (c->storage == STORAGE_AUTO && !config_endpoint_is_unix(endpoint));
}

void config_release(struct config *c)
{
    char *const owned[] = { c->builds,       c->cache,       c->image,
                            c->helper_image, c->docker_host, c->docker_cert_path };

    for (size_t i = 0; i < ARRAY_SIZE(owned); i++)
        free(owned[i]);
    strvec_release(&c->pull_policy);
    strvec_release(&c->allowed_pull_policies);
    kinds_release(&c->kinds);
    targets_release(&c->targets);
    *c = (struct config){ 0 };
}
