#include "stages/deploy/compose_key.h"

#include "base/text.h"

#include <string.h>

static const char below_data[] = "write each as ./data/NAME:/PATH in the `volumes` of its service: that folder is kept";
static const char as_variables[] = "create an SV_<ENVIRONMENT>_NAME variable in the project's CI/CD settings, and name "
                                   "it in `environment`";
static const char own_network[] = "all services of a project are on its own network, under their names";
static const char by_target[] = "the target's owner sets limits in its configuration; take it out";
static const char in_a_job[] = "nothing is built on a target; build and push the image in a job, and name it in `image`";
static const char in_image[] = "write it into the image's Dockerfile";
static const char no_host[] = "a service has nothing of the host; take it out";

/* The page's heading "Limitations": what is not among KEY_TAKEN and KEY_DEPRECATED is not in its list. */
static const struct compose_key service_keys[] = {
    { "command", KEY_TAKEN, NULL, compose_read_command },
    { "depends_on", KEY_TAKEN, NULL, compose_read_depends_on },
    { "entrypoint", KEY_TAKEN, NULL, compose_read_entrypoint },
    { "environment", KEY_TAKEN, NULL, compose_read_environment },
    { "expose", KEY_TAKEN, NULL, compose_read_expose },
    { "extra_hosts", KEY_TAKEN, NULL, compose_read_extra_hosts },
    { "healthcheck", KEY_TAKEN, NULL, compose_read_healthcheck },
    { "image", KEY_TAKEN, NULL, compose_read_image },
    { "labels", KEY_TAKEN, NULL, compose_read_labels },
    { "links", KEY_DEPRECATED, "its services are taken as in `depends_on`; write that", compose_read_links },
    { "logging", KEY_TAKEN, NULL, compose_read_logging },
    { "ports", KEY_DEPRECATED,
      "nothing is published on the host, the containers' ports are taken as in `expose`; write that",
      compose_read_ports },
    { "read_only", KEY_TAKEN, NULL, compose_read_read_only },
    { "restart", KEY_TAKEN, NULL, compose_read_restart },
    { "tty", KEY_TAKEN, NULL, compose_read_tty },
    { "volumes", KEY_TAKEN, NULL, compose_read_volumes },

    { "build", KEY_REFUSED, in_a_job },
    { "env_file", KEY_REFUSED, "the file is not on the target; name each variable in `environment`: NAME: ${NAME}" },
    { "label_file", KEY_REFUSED, "the file is not on the target; write `labels`" },
    { "extends", KEY_REFUSED, "only this file is read; write a YAML anchor and `<<: *name`" },
    { "container_name", KEY_REFUSED, "two releases run side by side; others reach it by its service's name" },
    { "hostname", KEY_REFUSED, "others reach it by its service's name; take it out" },
    { "domainname", KEY_REFUSED, "others reach it by its service's name; take it out" },
    { "deploy", KEY_REFUSED, "it is for swarms; the rollout is the target's, and each service runs once" },
    { "scale", KEY_REFUSED, "each service runs once; write it twice under two names, with an anchor" },
    { "profiles", KEY_REFUSED, "every service of the file is deployed; put others into a file of their own" },
    { "develop", KEY_REFUSED, "it is for development; put it into a file of its own" },
    { "attach", KEY_REFUSED, "nobody is attached to a deployed service; take it out" },
    { "pull_policy", KEY_REFUSED, "images are always pulled before a release; take it out" },
    { "platform", KEY_REFUSED, "images are of the target's platform; take it out" },
    { "provider", KEY_REFUSED, "no program runs on the target but images; name one in `image`" },
    { "models", KEY_REFUSED, "write a service of an image instead" },

    { "networks", KEY_REFUSED, own_network },
    { "network_mode", KEY_REFUSED, own_network },
    { "net", KEY_REFUSED, own_network },
    { "external_links", KEY_REFUSED, "containers of other projects are not reached; name their address in `extra_hosts`" },
    { "dns", KEY_REFUSED, "names are the target's; write `extra_hosts`" },
    { "dns_opt", KEY_REFUSED, "names are the target's; write `extra_hosts`" },
    { "dns_search", KEY_REFUSED, "names are the target's; write `extra_hosts`" },
    { "mac_address", KEY_REFUSED, own_network },

    { "volumes_from", KEY_REFUSED, "write the same ./data/NAME:/PATH in the `volumes` of both services" },
    { "volume_driver", KEY_REFUSED, below_data },
    { "tmpfs", KEY_REFUSED, "write ./data/NAME:/PATH in `volumes`, or use the container's own /tmp" },
    { "secrets", KEY_REFUSED, as_variables },
    { "configs", KEY_REFUSED, "copy the file into the image, or name its values in `environment`" },
    { "credential_spec", KEY_REFUSED, as_variables },

    { "privileged", KEY_REFUSED, no_host },
    { "devices", KEY_REFUSED, no_host },
    { "device_cgroup_rules", KEY_REFUSED, no_host },
    { "gpus", KEY_REFUSED, no_host },
    { "cap_add", KEY_REFUSED, "a service has no more rights than Docker's defaults; take it out" },
    { "cap_drop", KEY_REFUSED, "a service's rights are the target's to set; take it out" },
    { "security_opt", KEY_REFUSED, "a service's rights are the target's to set; take it out" },
    { "group_add", KEY_REFUSED, in_image },
    { "user", KEY_REFUSED, "write USER into the image's Dockerfile: one that is not root, with uid 1001 for volumes" },
    { "use_api_socket", KEY_REFUSED, no_host },
    { "pid", KEY_REFUSED, no_host },
    { "ipc", KEY_REFUSED, no_host },
    { "uts", KEY_REFUSED, no_host },
    { "userns_mode", KEY_REFUSED, no_host },
    { "cgroup", KEY_REFUSED, no_host },
    { "cgroup_parent", KEY_REFUSED, no_host },
    { "isolation", KEY_REFUSED, no_host },
    { "runtime", KEY_REFUSED, no_host },
    { "sysctls", KEY_REFUSED, "the kernel's settings are the target's; take it out" },
    { "annotations", KEY_REFUSED, "write `labels`" },
    { "storage_opt", KEY_REFUSED, by_target },
    { "ulimits", KEY_REFUSED, by_target },
    { "shm_size", KEY_REFUSED, by_target },
    { "mem_limit", KEY_REFUSED, by_target },
    { "mem_reservation", KEY_REFUSED, by_target },
    { "mem_swappiness", KEY_REFUSED, by_target },
    { "memswap_limit", KEY_REFUSED, by_target },
    { "oom_kill_disable", KEY_REFUSED, by_target },
    { "oom_score_adj", KEY_REFUSED, by_target },
    { "pids_limit", KEY_REFUSED, by_target },
    { "blkio_config", KEY_REFUSED, by_target },
    { "cpus", KEY_REFUSED, by_target },
    { "cpu_count", KEY_REFUSED, by_target },
    { "cpu_percent", KEY_REFUSED, by_target },
    { "cpu_period", KEY_REFUSED, by_target },
    { "cpu_quota", KEY_REFUSED, by_target },
    { "cpu_rt_period", KEY_REFUSED, by_target },
    { "cpu_rt_runtime", KEY_REFUSED, by_target },
    { "cpu_shares", KEY_REFUSED, by_target },
    { "cpuset", KEY_REFUSED, by_target },

    { "stdin_open", KEY_REFUSED, "nobody types into a deployed service; take it out" },
    { "init", KEY_REFUSED, "make an init the image's ENTRYPOINT, or `entrypoint`" },
    { "working_dir", KEY_REFUSED, "write WORKDIR into the image's Dockerfile" },
    { "stop_signal", KEY_REFUSED, "write STOPSIGNAL into the image's Dockerfile" },
    { "stop_grace_period", KEY_REFUSED, "it is the target's to set (stop_grace); take it out" },
    { "post_start", KEY_REFUSED, "write a service with `restart: \"no\"` that others depend on" },
    { "pre_stop", KEY_REFUSED, "let the image's program do it when SIGTERM comes" },
    { "log_driver", KEY_REFUSED, "write `logging`, with `driver` in it" },
    { "log_opt", KEY_REFUSED, "write `logging`, with `options` in it" },
    { "dockerfile", KEY_REFUSED, in_a_job },
};

static const struct compose_key file_keys[] = {
    { "services", KEY_TAKEN, NULL, NULL },
    { "version", KEY_TAKEN, NULL, NULL },
    { "name", KEY_REFUSED, "the project's name is that of its group and project in GitLab; take it out" },
    { "volumes", KEY_REFUSED, below_data },
    { "networks", KEY_REFUSED, own_network },
    { "secrets", KEY_REFUSED, as_variables },
    { "configs", KEY_REFUSED, "copy the files into the image, or name their values in `environment`" },
    { "include", KEY_REFUSED, "only this file is read; write the services into it" },
    { "models", KEY_REFUSED, "write a service of an image instead" },
};

static const struct {
    const struct compose_key *keys;
    size_t n;
} places[] = {
    [IN_COMPOSE_FILE] = { file_keys, ARRAY_SIZE(file_keys) },
    [IN_COMPOSE_SERVICE] = { service_keys, ARRAY_SIZE(service_keys) },
};

static const struct compose_key *find(const char *name, enum compose_place place)
{
    for (size_t i = 0; i < places[place].n; i++)
        if (strcmp(places[place].keys[i].name, name) == 0)
            return &places[place].keys[i];
    return NULL;
}

/* Of those that work: a nearest word that is refused next would lead nowhere. */
static const char *nearest(const char *name, enum compose_place place)
{
    const char *names[ARRAY_SIZE(service_keys) + 1];
    size_t n = 0;

    for (size_t i = 0; i < places[place].n; i++)
        if (places[place].keys[i].use == KEY_TAKEN)
            names[n++] = places[place].keys[i].name;
    names[n] = NULL;
    return text_nearest(name, names);
}

static void say_unknown(struct compose_reader *r, const struct yaml *member, enum compose_place place)
{
    auto_free char *name = text_quote(member->key);
    const char *near = nearest(member->key, place);

    if (near)
        compose_key_problem(r, member, "unknown key `%s`; did you mean `%s`?", name, near);
    else if (place == IN_COMPOSE_FILE && member->type == YAML_MAP)
        compose_key_problem(r, member, "unknown key `%s`; if it is a service, put it below `services`", name);
    else
        compose_key_problem(r, member, "unknown key `%s`; take it out, or call it x-%s to have it ignored", name, name);
}

const struct compose_key *compose_key_check(struct compose_reader *r, const struct yaml *member,
                                            enum compose_place place)
{
    const struct compose_key *k = find(member->key, place);

    if (!k && text_starts(member->key, "x-"))
        return NULL;
    if (!k)
        say_unknown(r, member, place);
    else if (k->use == KEY_REFUSED)
        compose_key_problem(r, member, "`%s` is not allowed: %s", k->name, k->text);
    else if (k->use == KEY_DEPRECATED)
        compose_key_warning(r, member, "`%s` is deprecated: %s", k->name, k->text);
    return k && k->use != KEY_REFUSED ? k : NULL;
}
