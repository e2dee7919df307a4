#include "executor/config.h"

#include "base/file.h"
#include "base/number.h"
#include "base/text.h"
#include "base/yaml.h"
#include "stages/pull_policy.h"
#include "stages/setting.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#define CONFIG_MAX ((size_t)1 << 20)

/* What a value is made of: reads it, or fails with a reason that begins with its key. */
typedef int value_fn(const struct yaml *y, void *member, const char **problem);

struct key {
    const char *name;
    value_fn *read;
    size_t offset;        /* in struct config, or in struct kind */
    const char *otherwise; /* the default, as one would write it, or an example where there is none */
    const char *help;      /* lines for the sample; the manual has them too */
};

static int read_path(const struct yaml *y, void *member, const char **problem)
{
    char **path = (char **)member;

    /* A colon would end the path where Docker reads HOST:CONTAINER. */
    if (y->type != YAML_SCALAR || y->text[0] != '/' || strchr(y->text, ':') || strstr(y->text, "/../") ||
        text_ends(y->text, "/..")) {
        *problem = "must be an absolute path without '..' and ':'";
        return -1;
    }
    free(*path);
    *path = xstrdup(y->text);
    for (size_t n = strlen(*path); n > 1 && (*path)[n - 1] == '/'; n--)
        (*path)[n - 1] = '\0';
    return 0;
}

static int read_text(const struct yaml *y, void *member, const char **problem)
{
    char **text = (char **)member;

    if (y->type != YAML_SCALAR || !*y->text) {
        *problem = "must be a text that is not empty";
        return -1;
    }
    free(*text);
    *text = xstrdup(y->text);
    return 0;
}

static int read_flag(const struct yaml *y, void *member, const char **problem)
{
    *problem = "must be true or false";
    return yaml_bool(y, (bool *)member);
}

static int read_duration(const struct yaml *y, void *member, const char **problem)
{
    *problem = "must be a duration such as 10s, 500ms or 2m";
    return y->type == YAML_SCALAR ? duration_parse(y->text, (int64_t *)member) : -1;
}

static int read_docker(const struct yaml *y, void *member, const char **problem)
{
    enum docker_access *access = (enum docker_access *)member;

    *problem = "must be none or socket";
    if (y->type != YAML_SCALAR || (strcmp(y->text, "none") != 0 && strcmp(y->text, "socket") != 0))
        return -1;
    *access = strcmp(y->text, "socket") == 0 ? DOCKER_SOCKET : DOCKER_NONE;
    return 0;
}

static int read_unready(const struct yaml *y, void *member, const char **problem)
{
    bool warn = y->type == YAML_SCALAR && strcmp(y->text, "warn") == 0;

    *problem = "must be fail or warn";
    *(enum on_unready *)member = warn ? UNREADY_WARN : UNREADY_FAIL;
    return warn || (y->type == YAML_SCALAR && strcmp(y->text, "fail") == 0) ? 0 : -1;
}

/* A text or a list of them, each checked; a list that is given replaces the default. */
static int read_list(const struct yaml *y, void *member, bool (*fits)(const char *))
{
    auto_strvec list = STRVEC_INIT;
    bool one = y->type == YAML_SCALAR;

    if (!one && y->type != YAML_LIST)
        return -1;
    for (size_t i = 0; i < (one ? 1 : y->n); i++) {
        const struct yaml *item = one ? y : y->items[i];
        if (item->type != YAML_SCALAR || !*item->text || !fits(item->text))
            return -1;
        strvec_push(&list, item->text);
    }
    struct strvec *out = (struct strvec *)member;
    strvec_release(out);
    strvec_push_all(out, &list);
    return 0;
}

static bool is_any(const char *text)
{
    (void)text;
    return true;
}

static bool is_volume_name(const char *text, size_t len)
{
    static const char rest[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

    return len > 1 && isalnum((unsigned char)text[0]) && strspn(text, rest) >= len;
}

/* /HOST:/CONTAINER[:ro|:rw], VOLUME:/CONTAINER[:ro|:rw], or /CONTAINER for a volume of the job's own. */
static bool is_mount(const char *text)
{
    const char *colon = strchr(text, ':');
    const char *mode = colon ? strchr(colon + 1, ':') : NULL;

    if (strstr(text, "/.."))
        return false;
    if (!colon)
        return text[0] == '/' && text[1];
    return (text[0] == '/' || is_volume_name(text, (size_t)(colon - text))) && colon[1] == '/' &&
           (!mode || strcmp(mode, ":ro") == 0 || strcmp(mode, ":rw") == 0);
}

static int read_images(const struct yaml *y, void *member, const char **problem)
{
    *problem = "must be an image pattern such as registry.example.com/**, or a list of them";
    return read_list(y, member, is_any);
}

static int read_policies(const struct yaml *y, void *member, const char **problem)
{
    *problem = "must be always, if-not-present or never, or a list of them";
    return y->type == YAML_LIST && y->n == 0 ? -1 : read_list(y, member, pull_policy_is_one);
}

static int read_mounts(const struct yaml *y, void *member, const char **problem)
{
    *problem = "must be a list of /HOST/PATH:/CONTAINER/PATH[:ro], VOLUME:/PATH[:ro] or /PATH";
    return read_list(y, member, is_mount);
}

#define C(member) offsetof(struct config, member)
#define K(member) offsetof(struct kind, member)

static const struct key keys[] = {
    { "builds", read_path, C(builds), "/var/lib/atelier/builds",
      "Folder on this host below which jobs are built. It is mounted into their\n"
      "containers at the same path. Users other than root: ~/.cache/atelier/builds." },
    { "cache", read_path, C(cache), "/var/lib/atelier/cache",
      "Folder on this host for the jobs' caches, shared by all slots of a runner.\n"
      "Users other than root: ~/.cache/atelier/cache." },
    { "image", read_text, C(image), "atelier/ci:latest", "Image of jobs that name none." },
    { "helper_image", read_text, C(helper_image), "atelier/helper:" ATELIER_VERSION,
      "Image that fetches sources and moves caches and artifacts. Made by\n"
      "packaging/images/make; it is never pulled." },
    { "pull_policy", read_policies, C(pull_policy), "if-not-present",
      "When to pull a job's image: always, if-not-present, never; a list is tried in\n"
      "order. A job's own image:pull_policy comes first, as far as it is allowed." },
    { "allowed_pull_policies", read_policies, C(allowed_pull_policies), "if-not-present",
      "The policies that a job may choose. Unset: those of pull_policy." },
    { "docker_host", read_text, C(docker_host), "unix:///var/run/docker.sock",
      "The Docker daemon: unix:///PATH or tcp://HOST:PORT. Unset: DOCKER_HOST, and\n"
      "without that the default." },
    { "docker_cert_path", read_path, C(docker_cert_path), "/PATH",
      "Folder with ca.pem, cert.pem and key.pem, for TLS with tcp://. None by default;\n"
      "unset: DOCKER_CERT_PATH." },
    { "docker_tls_verify", read_flag, C(docker_tls_verify), "false",
      "Check the daemon's certificate; also when DOCKER_TLS_VERIFY is set." },
    { "cancel_grace", read_duration, C(cancel_grace_ms), "10s",
      "How long a cancelled job's processes may take to end after TERM before KILL." },
};

static const struct key kind_keys[] = {
    { "docker", read_docker, K(docker), "none",
      "socket puts the daemon's socket into the job's container. Whoever can write to\n"
      "it is root on this host: give it to projects you trust." },
    { "network", read_text, K(network), "job",
      "job: one of the job's own. none, host, or the name of a network." },
    { "mounts", read_mounts, K(mounts), "[]", "Further mounts: /HOST:/CONTAINER[:ro], VOLUME:/CONTAINER[:ro], or /CONTAINER\n"
      "for a volume that is the job's own and goes with it." },
    { "images", read_images, K(images), "[]", "Patterns of images that jobs may name, such as\n"
      "registry.example.com/**. Empty: any." },
    { "services", read_images, K(services), "[]", "Patterns of images that jobs may have services of. Empty: any." },
};

static const struct key service_keys[] = {
    { "on_unready", read_unready, C(services.on_unready), "fail",
      "What becomes of a job whose service ends or is not ready in time: fail or warn." },
    { "wait", read_duration, C(services.wait_ms), "30s",
      "How long all services of a job may take until they are ready; 0 waits for none." },
};

static const struct key *find(const struct key *table, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    return NULL;
}

/* "unknown key 'x'; did you mean 'y'?", pointing at the key. */
static int unknown_key(const char *file, const struct yaml *y, const char *const *words, struct err *e)
{
    struct yaml at = { .line = y->key_line, .column = y->key_column };
    auto_free char *shown = text_quote(y->key);
    const char *nearest = text_nearest(y->key, words);

    if (nearest)
        return yaml_error(e, ERR_CONFIG, file, &at, "unknown key '%s'; did you mean '%s'?", shown, nearest);
    auto_strvec all = STRVEC_INIT;
    for (; *words; words++)
        strvec_push(&all, *words);
    auto_free char *list = strvec_join(&all, ", ");
    return yaml_error(e, ERR_CONFIG, file, &at, "unknown key '%s'; there are: %s", shown, list);
}

/* "memory: 'lots' must be a size …", pointing at the value. */
static int bad_value(const char *file, const char *name, const struct yaml *y, const char *problem, struct err *e)
{
    if (y->type != YAML_SCALAR)
        return yaml_error(e, ERR_CONFIG, file, y, "%s: %s %s", name, yaml_type_name(y), problem);
    auto_free char *shown = text_quote(y->text);
    return yaml_error(e, ERR_CONFIG, file, y, "%s: '%s' %s", name, shown, problem);
}

static int read_key(const char *file, const struct key *k, const struct yaml *y, void *base, struct err *e)
{
    const char *problem = "cannot be used";

    if (k->read(y, (char *)base + k->offset, &problem) == 0)
        return 0;
    return bad_value(file, k->name, y, problem, e);
}

static int read_setting(const char *file, const struct setting *s, const struct yaml *y, struct kind *kind,
                        struct err *e)
{
    json_t *value = s->read(y);

    if (!value)
        return bad_value(file, s->name, y, s->problem, e);
    json_object_set_new(kind->settings, s->name, value);
    return 0;
}

static int need_map(const char *file, const struct yaml *y, const char *what, struct err *e)
{
    if (y->type == YAML_MAP || y->type == YAML_NULL)
        return 0;
    return yaml_error(e, ERR_CONFIG, file, y, "%s must be a map of keys and values, not %s", what,
                      yaml_type_name(y));
}

static int unknown_kind_key(const char *file, const struct yaml *y, struct err *e)
{
    auto_strvec words = STRVEC_INIT;

    for (size_t i = 0; i < ARRAY_SIZE(kind_keys); i++)
        strvec_push(&words, kind_keys[i].name);
    for (const struct setting *s = settings; s->name; s++)
        strvec_push(&words, s->name);
    return unknown_key(file, y, (const char *const *)strvec_list(&words), e);
}

static int read_kind_key(const char *file, const struct yaml *y, struct kind *kind, struct err *e)
{
    const struct key *k = find(kind_keys, ARRAY_SIZE(kind_keys), y->key);
    const struct setting *s = setting_find(y->key);

    if (k)
        return read_key(file, k, y, kind, e);
    if (s)
        return read_setting(file, s, y, kind, e);
    return unknown_kind_key(file, y, e);
}

static int read_kind(const char *file, const struct yaml *y, struct kind *kind, struct err *e)
{
    if (need_map(file, y, y->key, e) < 0)
        return -1;
    for (size_t i = 0; i < y->n; i++)
        if (read_kind_key(file, y->items[i], kind, e) < 0)
            return -1;
    return 0;
}

static int read_kinds(const char *file, const struct yaml *y, struct config *c, struct err *e)
{
    enum kind_id id;

    if (need_map(file, y, "kinds", e) < 0)
        return -1;
    for (size_t i = 0; i < y->n; i++) {
        if (kind_parse(y->items[i]->key, &id) < 0)
            return unknown_key(file, y->items[i], kind_names(), e);
        if (read_kind(file, y->items[i], &c->kinds.of[id], e) < 0)
            return -1;
    }
    return 0;
}

static int read_stages(const char *file, const struct yaml *y, struct config *c, struct err *e)
{
    enum kind_id id;

    if (need_map(file, y, "stages", e) < 0)
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
    const char *const words[] = { service_keys[0].name, service_keys[1].name, NULL };

    if (need_map(file, y, "services", e) < 0)
        return -1;
    for (size_t i = 0; i < y->n; i++) {
        const struct key *k = find(service_keys, ARRAY_SIZE(service_keys), y->items[i]->key);
        if ((k ? read_key(file, k, y->items[i], c, e) : unknown_key(file, y->items[i], words, e)) < 0)
            return -1;
    }
    return 0;
}

static int read_top(const char *file, const struct yaml *root, struct config *c, struct err *e)
{
    const char *words[ARRAY_SIZE(keys) + 4] = { NULL };
    size_t n = 0;

    for (; n < ARRAY_SIZE(keys); n++)
        words[n] = keys[n].name;
    words[n++] = "stages";
    words[n++] = "kinds";
    words[n] = "services";
    if (need_map(file, root, "the configuration", e) < 0)
        return -1;
    for (size_t i = 0; i < root->n; i++) {
        const struct yaml *y = root->items[i];
        const struct key *k = find(keys, ARRAY_SIZE(keys), y->key);
        int rc = k                                 ? read_key(file, k, y, c, e)
                 : strcmp(y->key, "kinds") == 0    ? read_kinds(file, y, c, e)
                 : strcmp(y->key, "stages") == 0   ? read_stages(file, y, c, e)
                 : strcmp(y->key, "services") == 0 ? read_services(file, y, c, e)
                                                   : unknown_key(file, y, words, e);
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
        .cancel_grace_ms = 10000,
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

int config_read(const char *path, char *const *env, struct config *out, struct err *e)
{
    auto_err error = ERR_INIT;
    auto_free char *text = NULL;
    size_t len = 0;

    if (file_read(path ? path : CONFIG_DEFAULT_PATH, CONFIG_MAX, &text, &len, &error) == 0)
        return config_read_text(path ? path : CONFIG_DEFAULT_PATH, text, len, env, out, e);
    if (error.kind == ERR_NOT_FOUND && !path) {
        defaults(out, env);
        return 0;
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

static void sample_key(struct strbuf *out, const char *indent, const char *name, const char *value, const char *help)
{
    while (*help) {
        size_t n = strcspn(help, "\n");
        strbuf_printf(out, "%s# %.*s\n", indent, (int)n, help);
        help += n + (help[n] != '\0');
    }
    strbuf_printf(out, "%s%s%s: %s\n", indent, *indent ? "" : "#", name, value);
}

void config_sample(struct strbuf *out)
{
    strbuf_puts(out, "# atelier: the configuration of this build host (" CONFIG_DEFAULT_PATH ").\n"
                     "# Every key, with its default or an example. `# ` begins a remark; take away the\n"
                     "# other '#' of what you change, and of the line that it stands below.\n"
                     "# `atelier check` reads the file and says what is wrong with it.\n\n");
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        sample_key(out, "", keys[i].name, keys[i].otherwise, keys[i].help);
        strbuf_puts(out, "\n");
    }
    strbuf_puts(out, "# Services of all jobs.\n#services:\n");
    for (size_t i = 0; i < ARRAY_SIZE(service_keys); i++)
        sample_key(out, "#  ", service_keys[i].name, service_keys[i].otherwise, service_keys[i].help);
    strbuf_puts(out, "\n# Which kind a stage of a pipeline is. A stage named pull, build, push, test or\n"
                     "# deploy is of that kind without a line here; another one of a job with\n"
                     "# `environment:` is deploy; every other one is `other`.\n"
                     "#stages:\n#  compile: build\n#  staging: deploy\n\n"
                     "# What the containers of a job of each kind get. The kinds: pull, build, push,\n"
                     "# test, deploy, other. What is not written here is the least. A stage's name is\n"
                     "# its author's choice: kinds guard against accidents, not against authors.\n"
                     "#kinds:\n#  build:\n");
    for (size_t i = 0; i < ARRAY_SIZE(kind_keys); i++) {
        strbuf_puts(out, i ? "#\n" : "");
        sample_key(out, "#    ", kind_keys[i].name, kind_keys[i].otherwise, kind_keys[i].help);
    }
    for (const struct setting *k = settings; k->name; k++) {
        strbuf_puts(out, "#\n");
        sample_key(out, "#    ", k->name, k->otherwise, k->help);
    }
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
    *c = (struct config){ 0 };
}
