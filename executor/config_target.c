/* executor/config_target.c: the section `targets` of the configuration: where jobs may deploy to, and who may. */
#include "base/text.h"
#include "executor/config_read.h"

#include <ctype.h>
#include <string.h>

#define T(member) offsetof(struct target, member)

const struct key config_target_keys[] = {
    { "docker_host", value_endpoint, T(docker_host), "ssh://deploy@staging.example.com",
      "Its Docker daemon: unix:///PATH, tcp://HOST:PORT or ssh://[USER@]HOST[:PORT]." },
    { "docker_cert_path", value_path, T(cert_path), "/etc/atelier/staging",
      "Folder with ca.pem, cert.pem and key.pem, for TLS with tcp://. None by default." },
    { "docker_tls_verify", value_flag, T(tls_verify), "false", "Check the daemon's certificate." },
    { "projects", value_patterns, T(projects), "[\"group/*\"]",
      "Patterns of projects that may deploy there; * is any text, slashes too. Unset:\n"
      "none." },
    { "environments", value_patterns, T(environments), "[staging, \"review/*\"]",
      "Patterns of environments that may be deployed there. Unset: none." },
    { "protected_only", value_flag, T(protected_only), "false", "Only for jobs of protected branches and tags." },
    { "domain", value_text, T(domain), "staging.example.com",
      "An environment without `url` is at GROUP-PROJECT-ENVIRONMENT.DOMAIN." },
    { "routing", value_routing, T(routing), "none",
      "What its proxy reads: traefik1, traefik2, traefik3; none: no proxy." },
    { "domains", value_patterns, T(domains), "[\"*.staging.example.com\"]",
      "Patterns of host names that projects may route there. Unset: any." },
    { "network", value_text, T(network), "traefik", "The proxy's network, which is there already." },
    { "entrypoints", value_words, T(entrypoints), "[web, websecure]",
      "Entry points of services whose labels name none, for traefik2 and traefik3." },
    { "certresolver", value_text, T(certresolver), "letsencrypt", "Who makes certificates, for traefik2 and traefik3." },
    { "data", value_path, T(data), "/srv/atelier",
      "Folder there, below which ./data/... of each project and environment is." },
    { "allow_root_user", value_flag, T(allow_root_user), "false", "Images whose user is root are deployed too." },
    { "allow_image_volumes", value_flag, T(allow_image_volumes), "false", "Images that declare VOLUMEs are deployed too." },
    { "managed_images", value_patterns, T(managed_images), "[\"mysql:*\", \"redis:*\"]",
      "Patterns of images that services which it manages may have. Unset: any." },
    { "memory", value_size, T(memory), "0", "Memory of each service, such as 512m; 0: no limit." },
    { "cpus", value_cpus, T(nano_cpus), "0", "CPUs of each service, such as 1.5; 0: no limit." },
    { "health_wait", value_duration, T(health_wait_ms), "2m", "How long a service may take to become healthy." },
    { "drain", value_duration, T(drain_ms), "5s", "How long the old container serves what it has begun." },
    { "stop_grace", value_duration, T(stop_grace_ms), "10s", "How long a container may take to end after TERM." },
    { "lock_wait", value_duration, T(lock_wait_ms), "10m", "How long a deploy waits for another of the same project and\n"
      "environment." },
    { "keep_releases", value_count, T(keep_releases), "10", "How many releases its history keeps." },
    { "keep_images", value_flag, T(keep_images), "false", "Images stay when the last release that has them leaves the history." },
    { NULL, NULL, 0, NULL, NULL },
};

/* ---- Keys that hold a map ---- */

static void add_file(struct target *t, enum target_secret as, const char *name, const char *path)
{
    t->files = xreallocarray(t->files, t->n_files + 1, sizeof(*t->files));
    t->files[t->n_files++] = (struct target_file){ as, xstrdup(name), xstrdup(path) };
}

static int read_key_file(const char *file, const struct yaml *y, struct target *t, struct err *e)
{
    auto_free char *path = NULL;
    const char *problem = "";

    if (value_path(y, &path, &problem) < 0)
        return config_bad_value(file, y->key, y, problem, e);
    add_file(t, TARGET_KEY, "", path);
    return 0;
}

static int read_managed(const char *file, const struct yaml *y, struct target *t, struct err *e)
{
    static const char *const names[] = { "mysql", "postgresql", "mongodb", "redis" };
    auto_strvec words = STRVEC_INIT;

    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        strvec_push(&words, names[i]);
    if (config_need_map(file, y, y->key, e) < 0)
        return -1;
    for (size_t i = 0; i < y->n; i++) {
        const struct yaml *item = y->items[i];
        auto_free char *host = NULL;
        const char *problem = "";
        if (!strvec_has(&words, item->key))
            return config_unknown_key(file, item, &words, e);
        if (value_text(item, &host, &problem) < 0 || strpbrk(host, " \t\n/"))
            return config_bad_value(file, item->key, item, "must be container, or the name or address of a server", e);
        t->managed = xreallocarray(t->managed, t->n_managed + 1, sizeof(*t->managed));
        t->managed[t->n_managed++] = (struct target_managed){
            xstrdup(item->key), xstrdup(strcmp(host, "container") == 0 ? "" : host)
        };
    }
    return 0;
}

/* A key of a map that becomes a variable, by its own value or by that of a file. */
struct shared_key {
    const char *name, *variable;
    bool file;
};

static const struct shared_key mails_keys[] = {
    { "domain", "MAILS_DOMAIN", false },
    { "port", "MAILS_PORT", false },
    { "user", "MAILS_USER", false },
    { "token_file", "MAILS_TOKEN", true },
    { NULL, NULL, false },
};

static const struct shared_key influxdb_keys[] = {
    { "domain", "INFLUXDB_DOMAIN", false },
    { "database", "INFLUXDB_DATABASE", false },
    { "username", "INFLUXDB_USERNAME", false },
    { "password_file", "INFLUXDB_PASSWORD", true },
    { NULL, NULL, false },
};

static const struct shared_key *find_shared(const char *file, const struct shared_key *keys, const struct yaml *y,
                                            struct err *e)
{
    auto_strvec words = STRVEC_INIT;

    for (const struct shared_key *k = keys; k->name; k++) {
        if (strcmp(k->name, y->key) == 0)
            return k;
        strvec_push(&words, k->name);
    }
    (void)config_unknown_key(file, y, &words, e);
    return NULL;
}

static int read_shared(const char *file, const struct yaml *y, struct target *t, enum target_secret as, struct err *e)
{
    struct strvec *values = as == TARGET_MAILS ? &t->mails : &t->influxdb;

    if (config_need_map(file, y, y->key, e) < 0)
        return -1;
    for (size_t i = 0; i < y->n; i++) {
        const struct shared_key *k = find_shared(file, as == TARGET_MAILS ? mails_keys : influxdb_keys, y->items[i], e);
        auto_free char *value = NULL;
        const char *problem = "";
        if (!k)
            return -1;
        if ((k->file ? value_path : value_text)(y->items[i], &value, &problem) < 0)
            return config_bad_value(file, k->name, y->items[i], problem, e);
        if (k->file)
            add_file(t, as, k->variable, value);
        else
            strvec_pushf(values, "%s=%s", k->variable, value);
    }
    return 0;
}

static int read_mails(const char *file, const struct yaml *y, struct target *t, struct err *e)
{
    return read_shared(file, y, t, TARGET_MAILS, e);
}

static int read_influxdb(const char *file, const struct yaml *y, struct target *t, struct err *e)
{
    return read_shared(file, y, t, TARGET_INFLUXDB, e);
}

static int read_registry(const char *file, const struct yaml *y, struct target *t, struct err *e)
{
    auto_strvec words = STRVEC_INIT;
    auto_free char *username = NULL;
    auto_free char *password_file = NULL;
    const char *problem = "needs username and password_file";

    strvec_push(&words, "username");
    strvec_push(&words, "password_file");
    if (config_need_map(file, y, y->key, e) < 0)
        return -1;
    for (size_t i = 0; i < y->n; i++) {
        const struct yaml *item = y->items[i];
        if (!strvec_has(&words, item->key))
            return config_unknown_key(file, item, &words, e);
        bool name = strcmp(item->key, "username") == 0;
        if ((name ? value_text : value_path)(item, name ? &username : &password_file, &problem) < 0)
            return config_bad_value(file, item->key, item, problem, e);
    }
    if (!username || !password_file)
        return yaml_error(e, ERR_CONFIG, file, y, "registry '%s' needs username and password_file", y->key);
    t->registries = xreallocarray(t->registries, t->n_registries + 1, sizeof(*t->registries));
    t->registries[t->n_registries++] = (struct credential){ xstrdup(y->key), take(&username), xstrdup("") };
    add_file(t, TARGET_PASSWORD, y->key, password_file);
    return 0;
}

static int read_registries(const char *file, const struct yaml *y, struct target *t, struct err *e)
{
    if (config_need_map(file, y, y->key, e) < 0)
        return -1;
    for (size_t i = 0; i < y->n; i++)
        if (read_registry(file, y->items[i], t, e) < 0)
            return -1;
    return 0;
}

static const struct target_section {
    const char *name;
    int (*read)(const char *file, const struct yaml *y, struct target *t, struct err *e);
    const char *otherwise, *help;
} target_sections[] = {
    { "managed", read_managed, "{mysql: container, redis: db.example.com}",
      "Services by these names (mysql, postgresql, mongodb, redis) that are kept across\n"
      "releases: container, or the server that the name means there." },
    { "key_file", read_key_file, "/etc/atelier/deploy.key",
      "What generated passwords are derived from; whoever has it knows them, and another\n"
      "key gives others. Files with secrets are closed to other users (chmod 600)." },
    { "registries", read_registries, "{r.example.com: {username: ci, password_file: /etc/atelier/r}}",
      "Logins for its images, before those that come with the job." },
    { "mails", read_mails, "{domain: mx.example.com, port: 587, user: ci, token_file: /run/m}",
      "Becomes MAILS_DOMAIN, MAILS_PORT, MAILS_USER and MAILS_TOKEN of what is deployed." },
    { "influxdb", read_influxdb, "{domain: i.example.com, username: ci, password_file: /run/i}",
      "Becomes INFLUXDB_DOMAIN, INFLUXDB_USERNAME, INFLUXDB_PASSWORD and\n"
      "INFLUXDB_DATABASE, without `database` GROUP-PROJECT-ENVIRONMENT." },
};

/* ---- A target ---- */

static const struct target_section *find_section(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(target_sections); i++)
        if (strcmp(target_sections[i].name, name) == 0)
            return &target_sections[i];
    return NULL;
}

static int read_member(const char *file, const struct yaml *y, struct target *t, struct err *e)
{
    const struct key *k = key_find(config_target_keys, y->key);
    const struct target_section *section = find_section(y->key);
    auto_strvec words = STRVEC_INIT;

    if (k)
        return config_read_key(file, k, y, t, e);
    if (section)
        return section->read(file, y, t, e);
    key_names(config_target_keys, &words);
    for (size_t i = 0; i < ARRAY_SIZE(target_sections); i++)
        strvec_push(&words, target_sections[i].name);
    return config_unknown_key(file, y, &words, e);
}

static bool is_name(const char *name)
{
    static const char rest[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

    return isalnum((unsigned char)*name) && name[strspn(name, rest)] == '\0';
}

static int check_target(const char *file, const struct yaml *y, const struct target *t, struct err *e)
{
    if (!*t->docker_host)
        return yaml_error(e, ERR_CONFIG, file, y, "target '%s' needs docker_host", t->name);
    if (t->routing != ROUTING_NONE && !*t->network)
        return yaml_error(e, ERR_CONFIG, file, y, "target '%s' has a proxy (routing) and needs its network", t->name);
    return 0;
}

int config_read_targets(const char *file, const struct yaml *y, struct config *c, struct err *e)
{
    if (config_need_map(file, y, "targets", e) < 0)
        return -1;
    for (size_t i = 0; i < y->n; i++) {
        const struct yaml *item = y->items[i];
        struct yaml at = { .line = item->key_line, .column = item->key_column };
        if (!is_name(item->key))
            return yaml_error(e, ERR_CONFIG, file, &at,
                              "a target's name is made of letters, digits, '.', '-' and '_'");
        if (config_need_map(file, item, item->key, e) < 0)
            return -1;
        struct target *t = targets_add(&c->targets, item->key);
        for (size_t j = 0; j < item->n; j++)
            if (read_member(file, item->items[j], t, e) < 0)
                return -1;
        if (check_target(file, &at, t, e) < 0)
            return -1;
    }
    return 0;
}

void sample_targets(struct strbuf *out)
{
    strbuf_puts(out, "\n# Docker daemons that jobs may deploy to, by the name that `deploy-master NAME` gives.\n"
                     "#targets:\n#  staging:\n");
    for (const struct key *k = config_target_keys; k->name; k++) {
        strbuf_puts(out, k > config_target_keys ? "#\n" : "");
        sample_key(out, "#    ", k->name, k->otherwise, k->help);
    }
    for (size_t i = 0; i < ARRAY_SIZE(target_sections); i++) {
        strbuf_puts(out, "#\n");
        sample_key(out, "#    ", target_sections[i].name, target_sections[i].otherwise, target_sections[i].help);
    }
}
