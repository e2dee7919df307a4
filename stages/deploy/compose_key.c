#include "stages/deploy/compose_key.h"

#include "base/text.h"

#include <string.h>

static const char below_data[] = "write each as ./data/NAME:/PATH in the `volumes` of its service: that folder is kept, "
                                 "and in the backup";
static const char as_variables[] = "create an SV_<ENVIRONMENT>_NAME variable in the project's CI/CD settings, and name "
                                   "it in `environment`";
static const char own_network[] = "all services of a project are on its own network, under their names";
static const char by_target[] = "the target's owner sets limits in its configuration; take it out";
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
      "nothing is published on the host, the containers' ports are taken as in `expose`; write that", compose_read_ports },
    { "read_only", KEY_TAKEN, NULL, compose_read_read_only },
    { "restart", KEY_TAKEN, NULL, compose_read_restart },
    { "tty", KEY_TAKEN, NULL, compose_read_tty },
    { "volumes", KEY_TAKEN, NULL, compose_read_volumes },

    { "build", KEY_REFUSED, "nothing is built on a target; build and push the image in a job, and name it in `image`", NULL },
    { "env_file", KEY_REFUSED, "the file is not on the target; name each variable in `environment`: NAME: ${NAME}", NULL },
    { "label_file", KEY_REFUSED, "the file is not on the target; write `labels`", NULL },
    { "extends", KEY_REFUSED, "only this file is read; write a YAML anchor and `<<: *name`", NULL },
    { "container_name", KEY_REFUSED, "two releases run side by side, so names are made; others reach it by its service's name", NULL },
    { "hostname", KEY_REFUSED, "others reach it by its service's name; take it out", NULL },
    { "domainname", KEY_REFUSED, "others reach it by its service's name; take it out", NULL },
    { "deploy", KEY_REFUSED, "it is for swarms; the rollout is the target's, and each service runs once", NULL },
    { "scale", KEY_REFUSED, "each service runs once; write it twice under two names, with an anchor", NULL },
    { "profiles", KEY_REFUSED, "every service of the file is deployed; put those for development into a file of their own", NULL },
    { "develop", KEY_REFUSED, "it is for development; put it into a file of its own", NULL },
    { "attach", KEY_REFUSED, "nobody is attached to a deployed service; take it out", NULL },
    { "pull_policy", KEY_REFUSED, "images are always pulled before a release; take it out", NULL },
    { "platform", KEY_REFUSED, "images are of the target's platform; take it out", NULL },
    { "provider", KEY_REFUSED, "no program runs on the target but images; name one in `image`", NULL },
    { "models", KEY_REFUSED, "write a service of an image instead", NULL },

    { "networks", KEY_REFUSED, own_network, NULL },
    { "network_mode", KEY_REFUSED, own_network, NULL },
    { "net", KEY_REFUSED, own_network, NULL },
    { "external_links", KEY_REFUSED, "containers of other projects are not reached; name their address in `extra_hosts`", NULL },
    { "dns", KEY_REFUSED, "names are the target's; write `extra_hosts`", NULL },
    { "dns_opt", KEY_REFUSED, "names are the target's; write `extra_hosts`", NULL },
    { "dns_search", KEY_REFUSED, "names are the target's; write `extra_hosts`", NULL },
    { "mac_address", KEY_REFUSED, own_network, NULL },

    { "volumes_from", KEY_REFUSED, "write the same ./data/NAME:/PATH in the `volumes` of both services", NULL },
    { "volume_driver", KEY_REFUSED, below_data, NULL },
    { "tmpfs", KEY_REFUSED, "write ./data/NAME:/PATH in `volumes`, or use the container's own /tmp", NULL },
    { "secrets", KEY_REFUSED, as_variables, NULL },
    { "configs", KEY_REFUSED, "copy the file into the image, or name its values in `environment`", NULL },
    { "credential_spec", KEY_REFUSED, as_variables, NULL },

    { "privileged", KEY_REFUSED, no_host, NULL },
    { "devices", KEY_REFUSED, no_host, NULL },
    { "device_cgroup_rules", KEY_REFUSED, no_host, NULL },
    { "gpus", KEY_REFUSED, no_host, NULL },
    { "cap_add", KEY_REFUSED, "a service has no more rights than Docker's defaults; take it out", NULL },
    { "cap_drop", KEY_REFUSED, "a service's rights are the target's to set; take it out", NULL },
    { "security_opt", KEY_REFUSED, "a service's rights are the target's to set; take it out", NULL },
    { "group_add", KEY_REFUSED, in_image, NULL },
    { "user", KEY_REFUSED, "write USER into the image's Dockerfile: one that is not root, with uid 1001 for volumes", NULL },
    { "use_api_socket", KEY_REFUSED, no_host, NULL },
    { "pid", KEY_REFUSED, no_host, NULL },
    { "ipc", KEY_REFUSED, no_host, NULL },
    { "uts", KEY_REFUSED, no_host, NULL },
    { "userns_mode", KEY_REFUSED, no_host, NULL },
    { "cgroup", KEY_REFUSED, no_host, NULL },
    { "cgroup_parent", KEY_REFUSED, no_host, NULL },
    { "isolation", KEY_REFUSED, no_host, NULL },
    { "runtime", KEY_REFUSED, no_host, NULL },
    { "sysctls", KEY_REFUSED, "the kernel's settings are the target's; take it out", NULL },
    { "annotations", KEY_REFUSED, "write `labels`", NULL },
    { "storage_opt", KEY_REFUSED, by_target, NULL },
    { "ulimits", KEY_REFUSED, by_target, NULL },
    { "shm_size", KEY_REFUSED, by_target, NULL },
    { "mem_limit", KEY_REFUSED, by_target, NULL },
    { "mem_reservation", KEY_REFUSED, by_target, NULL },
    { "mem_swappiness", KEY_REFUSED, by_target, NULL },
    { "memswap_limit", KEY_REFUSED, by_target, NULL },
    { "oom_kill_disable", KEY_REFUSED, by_target, NULL },
    { "oom_score_adj", KEY_REFUSED, by_target, NULL },
    { "pids_limit", KEY_REFUSED, by_target, NULL },
    { "blkio_config", KEY_REFUSED, by_target, NULL },
    { "cpus", KEY_REFUSED, by_target, NULL },
    { "cpu_count", KEY_REFUSED, by_target, NULL },
    { "cpu_percent", KEY_REFUSED, by_target, NULL },
    { "cpu_period", KEY_REFUSED, by_target, NULL },
    { "cpu_quota", KEY_REFUSED, by_target, NULL },
    { "cpu_rt_period", KEY_REFUSED, by_target, NULL },
    { "cpu_rt_runtime", KEY_REFUSED, by_target, NULL },
    { "cpu_shares", KEY_REFUSED, by_target, NULL },
    { "cpuset", KEY_REFUSED, by_target, NULL },

    { "stdin_open", KEY_REFUSED, "nobody types into a deployed service; take it out", NULL },
    { "init", KEY_REFUSED, "make an init the image's ENTRYPOINT, or `entrypoint`", NULL },
    { "working_dir", KEY_REFUSED, "write WORKDIR into the image's Dockerfile", NULL },
    { "stop_signal", KEY_REFUSED, "write STOPSIGNAL into the image's Dockerfile", NULL },
    { "stop_grace_period", KEY_REFUSED, "it is the target's to set (stop_grace); take it out", NULL },
    { "post_start", KEY_REFUSED, "write a service with `restart: \"no\"` that others depend on", NULL },
    { "pre_stop", KEY_REFUSED, "let the image's program do it when SIGTERM comes", NULL },
    { "log_driver", KEY_REFUSED, "write `logging`, with `driver` in it", NULL },
    { "log_opt", KEY_REFUSED, "write `logging`, with `options` in it", NULL },
    { "dockerfile", KEY_REFUSED, "nothing is built on a target; build and push the image in a job, and name it in `image`", NULL },
};

static const struct compose_key file_keys[] = {
    { "services", KEY_TAKEN, NULL, NULL },
    { "version", KEY_TAKEN, NULL, NULL },
    { "name", KEY_REFUSED, "the project's name is that of its group and project in GitLab; take it out", NULL },
    { "volumes", KEY_REFUSED, below_data, NULL },
    { "networks", KEY_REFUSED, own_network, NULL },
    { "secrets", KEY_REFUSED, as_variables, NULL },
    { "configs", KEY_REFUSED, "copy the files into the image, or name their values in `environment`", NULL },
    { "include", KEY_REFUSED, "only this file is read; write the services into it", NULL },
    { "models", KEY_REFUSED, "write a service of an image instead", NULL },
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

const struct compose_key *compose_key_check(struct compose_reader *r, const struct yaml *member, enum compose_place place)
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
