#include "stages/plan.h"

#include "base/json.h"
#include "base/text.h"
#include "engine/registry_auth.h"
#include "stages/pull_policy.h"
#include "stages/setting.h"
#include "stages/shell.h"

#include <string.h>

/* A job's things may go an hour after its time is up: for garbage collectors. */
#define EXPIRY_MARGIN_S 3600

#define NETWORK_VARIABLE "CI_BUILD_NETWORK_NAME="

static const char *const role_names[PLAN_ROLES] = { [PLAN_BUILD] = "build", [PLAN_HELPER] = "helper" };

static bool has_own_network(const struct kind *k)
{
    return strcmp(k->network, "job") == 0;
}

static void add(json_t *list, const char *text)
{
    json_array_append_new(list, json_string(text));
}

/* The job's own volume for the owner's mount of that number. */
static char *volume_name(const struct place *place, size_t mount)
{
    auto_free char *role = xasprintf("volume-%zu", mount);

    return place_name(place, role);
}

static void add_bind(json_t *list, const char *source, const char *target)
{
    auto_free char *bind = xasprintf("%s:%s", source, target);

    add(list, bind);
}

json_t *plan_binds(const struct plan *plan, const struct kind *kind)
{
    json_t *list = json_array();

    add_bind(list, plan->builds, plan->place.builds_dir);
    for (size_t i = 0; i < kind->mounts.n; i++) {
        const char *mount = kind->mounts.items[i];
        auto_free char *volume = volume_name(&plan->place, i);
        if (strchr(mount, ':'))
            add(list, mount);
        else
            add_bind(list, volume, mount);
    }
    return list;
}

void plan_add_mount(json_t *host_config, const char *source, const char *target, bool read_only)
{
    if (!json_object_get(host_config, "Mounts"))
        json_object_set_new(host_config, "Mounts", json_array());
    json_array_append_new(json_object_get(host_config, "Mounts"),
                          json_pack("{s:s, s:s, s:s, s:b}", "Type", "bind", "Source", source, "Target", target,
                                    "ReadOnly", read_only));
}

static json_t *helper_binds(const struct plan *plan)
{
    json_t *list = json_array();

    add_bind(list, plan->builds, plan->place.builds_dir);
    add_bind(list, plan->cache, plan->place.cache_dir);
    return list;
}

static void add_volume(struct plan *plan, char *name, json_t *labels)
{
    plan->volumes[plan->n_volumes++] = (struct plan_volume){ name, labels };
}

static void plan_storage(struct plan *plan, const struct job *job, const struct kind *kind,
                         const struct host_settings *host)
{
    const struct place *place = &plan->place;

    plan->builds = host->volumes ? place->builds_volume : place->builds_dir;
    plan->cache = host->volumes ? place->cache_volume : place->cache_dir;
    plan->volumes = xcalloc(kind->mounts.n + 2, sizeof(*plan->volumes));
    if (host->volumes) {
        add_volume(plan, xstrdup(place->builds_volume), place_lasting_labels(job, "builds"));
        add_volume(plan, xstrdup(place->cache_volume), place_lasting_labels(job, "cache"));
    }
    for (size_t i = 0; i < kind->mounts.n; i++)
        if (!strchr(kind->mounts.items[i], ':'))
            add_volume(plan, volume_name(place, i), place_labels(job, place, "volume", plan->expires));
}

/* A place of its own in the network is most of what a container's start takes, so one of the two has the other's, as in a
 * pod: unless the build container may change how its network works, is of a runtime that keeps its network to itself,
 * or has none. The helper's scripts come first, so it is the build container that follows. One that has the daemon's
 * socket has a place of its own, by which its own containers and it can find each other. */
enum plan_role plan_follower(const struct kind *kind, const char *image)
{
    static const char *const own[] = { "cap_add", "runtime", "sysctls", NULL };

    for (const char *const *name = own; *name; name++)
        if (json_object_get(kind->settings, *name))
            return PLAN_ROLES;
    if (kind_image_is_privileged(kind, image) || strcmp(kind->network, "none") == 0 ||
        strcmp(kind->network, "host") == 0 || text_starts(kind->network, CONTAINER_NETWORK))
        return PLAN_ROLES;
    return kind_reaches_daemon(kind) || json_object_get(kind->settings, "mac_address") ? PLAN_HELPER : PLAN_BUILD;
}

const char *plan_role_name(enum plan_role role)
{
    return role_names[role];
}

enum plan_role plan_owner(const struct plan *plan)
{
    return plan->follower == PLAN_BUILD ? PLAN_HELPER : PLAN_BUILD;
}

/* The helper fetches the sources, so what the owner says of the network is for the user's own script. The caller's. */
static char *network_mode(enum plan_role role, const struct plan *plan, const struct kind *kind)
{
    if (role == plan->follower)
        return xasprintf(CONTAINER_NETWORK "%s", plan->of[plan_owner(plan)].name);
    if (plan->network)
        return xstrdup(plan->network);
    return xstrdup(role == PLAN_HELPER && strcmp(kind->network, "none") == 0 ? "bridge" : kind->network);
}

static json_t *host_config(enum plan_role role, const struct plan *plan, const struct kind *kind,
                           const struct host_settings *host)
{
    json_t *binds = role == PLAN_HELPER ? helper_binds(plan) : plan_binds(plan, kind);
    auto_free char *network = network_mode(role, plan, kind);
    json_t *h = json_pack("{s:o, s:s, s:{s:s}}", "Binds", binds, "NetworkMode", network, "LogConfig", "Type", "none");

    if (role == PLAN_HELPER)
        return h;
    /* Not among the binds, for which the daemon makes a folder where nothing is. */
    if (kind->docker == DOCKER_SOCKET)
        json_object_set_new(h, "Mounts", json_pack("[{s:s, s:s, s:s}]", "Type", "bind", "Source", host->docker_socket,
                                                   "Target", "/var/run/docker.sock"));
    if (kind_image_is_privileged(kind, plan->of[role].image))
        json_object_set_new(h, "Privileged", json_true());
    return h;
}

/* Scripts export the job's variables themselves; these are the ones that only we know. */
static json_t *environment(const struct plan *plan)
{
    json_t *list = json_array();

    add(list, "CI_DISPOSABLE_ENVIRONMENT=true");
    if (plan->network)
        json_array_append_new(list, json_sprintf(NETWORK_VARIABLE "%s", plan->network));
    return list;
}

/* By its own name, and by that of the one that follows it. */
static void join_network(json_t *config, const struct plan *plan, enum plan_role role)
{
    json_t *aliases = json_pack("[s]", role_names[role]);

    if (plan->follower != PLAN_ROLES)
        add(aliases, role_names[plan->follower]);
    json_object_set_new(config, "NetworkingConfig",
                        json_pack("{s:{s:{s:o}}}", "EndpointsConfig", plan->network, "Aliases", aliases));
}

/* Before API 1.44 it is the container's; since then it is that of its place in the network. */
static void place_mac_address(json_t *config, const char *network)
{
    json_t *address = json_object_get(config, "MacAddress");
    json_t *endpoints = json_at(config, "NetworkingConfig", "EndpointsConfig");

    if (!address)
        return;
    if (!endpoints) {
        endpoints = json_pack("{s:{}}", network);
        json_object_set_new(config, "NetworkingConfig", json_pack("{s:o}", "EndpointsConfig", endpoints));
    }
    json_object_set(json_object_get(endpoints, network), "MacAddress", address);
}

/* On another's network a container has what is the other's, and Docker refuses what would be its own. */
static void leave_to_other(json_t *config)
{
    static const char *const names[] = { "Dns", "DnsSearch", "ExtraHosts", NULL };

    json_object_del(config, "Hostname");
    for (const char *const *name = names; *name; name++)
        json_object_del(json_object_get(config, "HostConfig"), *name);
}

void plan_wait_in_shell(json_t *config)
{
    json_object_set_new(config, "Entrypoint", json_pack("[s,s,s]", "sh", "-c", shell_keeper));
    json_object_set_new(config, "Cmd", json_array());
    json_object_set_new(config, "OpenStdin", json_true());
}

static json_t *container_config(enum plan_role role, const struct plan *plan, const struct job *job,
                                const struct kind *kind, const struct host_settings *host, int64_t expires)
{
    const char *name = role_names[role];
    json_t *c = json_pack("{s:s, s:b, s:o, s:o, s:o}", "Image", plan->of[role].image, "Tty", 0, "Env",
                          environment(plan), "Labels", place_labels(job, &plan->place, name, expires),
                          "HostConfig", host_config(role, plan, kind, host));
    const char *user = role == PLAN_HELPER ? "0:0" : job->image.user;

    plan_wait_in_shell(c);
    if (*user)
        json_object_set_new(c, "User", json_string(user));
    auto_free char *network = network_mode(role, plan, kind);
    if (strcmp(network, "host") != 0 && !text_starts(network, CONTAINER_NETWORK))
        json_object_set_new(c, "Hostname", json_string(plan->place.hostname));
    if (plan->network && role != plan->follower)
        join_network(c, plan, role);
    if (role == PLAN_BUILD && job->wants_init)
        json_object_set_new(json_object_get(c, "HostConfig"), "Init", json_true());
    settings_apply(kind->settings, role == PLAN_BUILD ? FOR_JOB : FOR_HELPER, c);
    if (role == plan->follower)
        leave_to_other(c);
    place_mac_address(c, network);
    return c;
}

int plan_image(const struct job_image *asked, const char *name, const struct host_settings *host,
               struct plan_container *out, struct err *e)
{
    if (pull_policy_choose(name, &asked->pull_policy, host->pull_policy, host->allowed_pull_policies, &out->pull_policy,
                           e) < 0)
        return -1;
    out->image = xstrdup(name);
    out->platform = *asked->platform ? xstrdup(asked->platform) : NULL;
    return 0;
}

static int choose_image(const struct job *job, const struct kind *kind, enum kind_id id,
                        const struct host_settings *host, struct plan_container *c, struct err *e)
{
    bool named = *job->image.name != '\0';
    const char *image = named ? job->image.name : host->image;
    auto_image_reference parts = { 0 };

    /* The owner's own default needs no permission. */
    if (named && !kind_allows_image(kind, image)) {
        auto_free char *shown = text_quote(image);
        auto_free char *allowed = strvec_join(&kind->images, ", ");
        return err_set(e, ERR_JOB, 0,
                       "image '%s' is not allowed for jobs of kind '%s' on this host; allowed: %s (kinds: %s: images)",
                       shown, kind_name(id), allowed, kind_name(id));
    }
    if (named && image_reference_parse(image, &parts, e) < 0)
        return -1;
    return plan_image(&job->image, image, host, c, e);
}

static void copy_place(struct place *to, const struct place *from)
{
    *to = (struct place){
        .key = xstrdup(from->key),
        .builds_dir = xstrdup(from->builds_dir),
        .cache_dir = xstrdup(from->cache_dir),
        .builds_volume = xstrdup(from->builds_volume),
        .cache_volume = xstrdup(from->cache_volume),
        .hostname = xstrdup(from->hostname),
    };
}

int plan_make(const struct job *job, const struct place *place, const struct kinds *kinds,
              const struct host_settings *host, int64_t now, struct plan *out, struct err *e)
{
    int64_t expires = now + job->timeout_s + EXPIRY_MARGIN_S;
    struct plan plan = { .kind = kind_of(kinds, job->stage, job->environment), .expires = expires };
    const struct kind *kind = &kinds->of[plan.kind];

    if (choose_image(job, kind, plan.kind, host, &plan.of[PLAN_BUILD], e) < 0) {
        plan_release(&plan);
        return -1;
    }
    plan.of[PLAN_HELPER].image = xstrdup(host->helper_image);
    plan.follower = plan_follower(kind, plan.of[PLAN_BUILD].image);
    copy_place(&plan.place, place);
    if (has_own_network(kind)) {
        plan.network = place_name(place, NULL);
        plan.network_labels = place_labels(job, place, "network", expires);
    }
    plan_storage(&plan, job, kind, host);
    for (int role = 0; role < PLAN_ROLES; role++) {
        plan.of[role].role = role_names[role];
        plan.of[role].name = place_name(place, role_names[role]);
    }
    for (int role = 0; role < PLAN_ROLES; role++)
        plan.of[role].config = container_config((enum plan_role)role, &plan, job, kind, host, expires);
    *out = plan;
    return 0;
}

/* What the job wrote replaces the image's ENTRYPOINT; [""] clears it (contract 5.3). */
static json_t *entrypoint_of(const struct job *job, const json_t *image)
{
    const struct strvec *own = &job->image.entrypoint;
    json_t *from_image = json_at(image, "Config", "Entrypoint", NULL);

    if (!job->image.entrypoint_given)
        return json_is_array(from_image) ? json_incref(from_image) : json_array();
    if (own->n == 1 && !*own->items[0])
        return json_array();
    return json_strings(own);
}

void plan_add_image(struct plan *plan, const struct job *job, const json_t *image)
{
    auto_json *entrypoint = entrypoint_of(job, image);
    auto_free char *text = json_compact(entrypoint);

    json_object_set_new(json_object_get(plan->of[PLAN_BUILD].config, "Labels"), LABEL_ENTRYPOINT,
                        json_string(text));
}

size_t plan_count(const struct plan *plan)
{
    return plan->n_services + PLAN_ROLES;
}

const struct plan_container *plan_at(const struct plan *plan, size_t i)
{
    return i < plan->n_services ? &plan->services[i] : &plan->of[i - plan->n_services];
}

static void rename_network(json_t *config, const char *old, const char *name)
{
    json_t *host_config = json_object_get(config, "HostConfig");
    json_t *endpoints = json_at(config, "NetworkingConfig", "EndpointsConfig");
    json_t *endpoint = json_incref(json_object_get(endpoints, old));
    size_t i;
    json_t *variable;

    if (strcmp(json_text(host_config, "NetworkMode"), old) == 0)
        json_object_set_new(host_config, "NetworkMode", json_string(name));
    (void)json_object_del(endpoints, old);
    if (endpoint)
        json_object_set_new(endpoints, name, endpoint);
    json_array_foreach(json_object_get(config, "Env"), i, variable) {
        if (text_starts(json_string_value(variable), NETWORK_VARIABLE))
            json_array_set_new(json_object_get(config, "Env"), i, json_sprintf(NETWORK_VARIABLE "%s", name));
    }
}

void plan_use_network(struct plan *plan, const char *name)
{
    json_decref(plan->network_labels);
    plan->network_labels = place_network_labels();
    for (size_t i = 0; i < plan_count(plan); i++)
        rename_network(plan_at(plan, i)->config, plan->network, name);
    free(plan->network);
    plan->network = xstrdup(name);
}

bool plan_is_privileged(const struct plan_container *c)
{
    return json_flag(json_object_get(c->config, "HostConfig"), "Privileged", false);
}

/* A service's own variables may have been made from secrets: their names will do. */
static json_t *without_values(const json_t *config)
{
    json_t *copy = json_deep_copy(config);
    size_t i;
    json_t *entry;

    if (!json_at(copy, "Labels", LABEL_SERVICE))
        return copy;
    json_array_foreach(json_object_get(copy, "Env"), i, entry) {
        const char *text = json_string_value(entry);
        auto_free char *name = xstrndup(text, strcspn(text, "="));
        json_string_set(entry, name);
    }
    return copy;
}

int plan_check_secrets(const struct plan *plan, const struct secret_variables *secrets, struct err *e)
{
    for (size_t i = 0; i < plan_count(plan); i++) {
        const struct plan_container *c = plan_at(plan, i);
        auto_free char *what = xasprintf("the container '%s'", c->aliases.n > 0 ? c->aliases.items[0] : c->role);
        if (secret_variables_check(secrets, c->config, what, e) < 0)
            return -1;
    }
    return 0;
}

json_t *plan_describe(const struct plan *plan)
{
    json_t *containers = json_array();
    json_t *volumes = json_array();

    for (size_t i = 0; i < plan->n_volumes; i++)
        add(volumes, plan->volumes[i].name);
    for (size_t i = 0; i < plan_count(plan); i++) {
        const struct plan_container *c = plan_at(plan, i);
        json_array_append_new(containers,
                              json_pack("{s:s, s:s, s:s*, s:o, s:o}", "role", c->role, "name", c->name,
                                        "platform", c->platform, "pull_policy",
                                        json_strings(&c->pull_policy), "create", without_values(c->config)));
    }
    return json_pack("{s:s, s:s, s:s*, s:o, s:o}", "kind", kind_name(plan->kind), "job", plan->place.key,
                     "network", plan->network, "volumes", volumes, "containers", containers);
}

static void container_release(struct plan_container *c)
{
    free(c->name);
    free(c->image);
    free(c->platform);
    strvec_release(&c->pull_policy);
    strvec_release(&c->aliases);
    json_decref(c->config);
}

void plan_drop_services(struct plan *plan)
{
    for (size_t i = 0; i < plan->n_services; i++)
        container_release(&plan->services[i]);
    free(take(&plan->services));
    plan->n_services = 0;
}

void plan_release(struct plan *plan)
{
    place_release(&plan->place);
    free(plan->network);
    json_decref(plan->network_labels);
    for (size_t i = 0; i < plan->n_volumes; i++) {
        free(plan->volumes[i].name);
        json_decref(plan->volumes[i].labels);
    }
    free(plan->volumes);
    for (int role = 0; role < PLAN_ROLES; role++)
        container_release(&plan->of[role]);
    plan_drop_services(plan);
    strvec_release(&plan->warnings);
    *plan = (struct plan){ 0 };
}
