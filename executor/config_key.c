#include "executor/config_key.h"

#include "executor/config.h"
#include "stages/setting.h"

#include <string.h>

#define C(member) offsetof(struct config, member)
#define K(member) offsetof(struct kind, member)

const struct key config_keys[] = {
    { "builds", value_path, C(builds), "/var/lib/atelier/builds",
      "Folder on this host below which jobs are built. It is mounted into their\n"
      "containers at the same path. Users other than root: ~/.cache/atelier/builds." },
    { "cache", value_path, C(cache), "/var/lib/atelier/cache",
      "Folder on this host for the jobs' caches, shared by all slots of a runner.\n"
      "Users other than root: ~/.cache/atelier/cache." },
    { "storage", value_storage, C(storage), "auto",
      "Where builds and caches are kept: folders, or volumes of the daemon, mounted at\n"
      "the same paths. auto: volumes with tcp://, where the folders are out of reach." },
    { "cache_size", value_size, C(cache_size), "0",
      "How much `atelier cache prune` leaves, such as 20g: what was used longest ago\n"
      "goes first. 0: no limit." },
    { "cache_age", value_duration, C(cache_age_ms), "0",
      "What was not used for so long, such as 30d, `atelier cache prune` removes. 0: no\n"
      "limit." },
    { "image", value_text, C(image), "atelier/ci:latest", "Image of jobs that name none." },
    { "helper_image", value_text, C(helper_image), "atelier/helper:" ATELIER_VERSION,
      "Image that fetches sources and moves caches and artifacts. Made by\n"
      "packaging/images/make; it is never pulled." },
    { "pull_policy", value_policies, C(pull_policy), "if-not-present",
      "When to pull a job's image: always, if-not-present, never; a list is tried in\n"
      "order. A job's own image:pull_policy comes first, as far as it is allowed." },
    { "allowed_pull_policies", value_policies, C(allowed_pull_policies), "if-not-present",
      "The policies that a job may choose. Unset: those of pull_policy." },
    { "docker_host", value_daemon, C(docker_host), "unix:///var/run/docker.sock",
      "The Docker daemon: unix:///PATH or tcp://HOST:PORT. Unset: DOCKER_HOST, and\n"
      "without that the default." },
    { "docker_cert_path", value_path, C(docker_cert_path), "/PATH",
      "Folder with ca.pem, cert.pem and key.pem, for TLS with tcp://. None by default;\n"
      "unset: DOCKER_CERT_PATH." },
    { "docker_tls_verify", value_flag, C(docker_tls_verify), "false",
      "Check the daemon's certificate; also when DOCKER_TLS_VERIFY is set." },
    { "direct", value_flag, C(direct), "on",
      "Scripts go straight to their containers, by a small first process in there, where\n"
      "the daemon is on this machine. off: by the daemon's exec, which takes longer." },
    { "cancel_grace", value_duration, C(cancel_grace_ms), "10s",
      "How long a cancelled job's processes may take to end after TERM before KILL." },
    { "keep_failed", value_duration, C(keep_failed_ms), "0s",
      "How long the containers of a failed job stay, for `atelier shell`; 0: they go at\n"
      "once. Whoever may use Docker here can read what the job left in them." },
    { "cleanup", value_cleanup, C(cleanup_waits), "detach",
      "detach: the hook returns when the job's processes have ended, and a process of\n"
      "its own goes on removing containers, network and volumes; wait: when all is gone." },
    { "standby", value_standby, C(standby), "0",
      "1: when a job has ended, a fresh pair of containers is started for the next one of\n"
      "its slot, which takes it when it is to have just such ones, and begins at once. It\n"
      "has some megabytes of memory until then; `atelier doctor` says how many." },
    { "idle_networks", value_networks, C(idle_networks), "10",
      "How many networks may wait for the next jobs, at most: to make one and to remove\n"
      "it takes the daemon as long as to start a container. 0: a job's goes with it." },
    { "trace", value_duration, C(trace_ms), "1d",
      "How long it is kept where a job's time went, for `atelier trace`: a few hundred\n"
      "bytes for each hook, below `builds`; 0: it is not written down." },
    { "script_secrets", value_secrets, C(keep_script_secrets), "remove",
      "The variables SV_*, secrets of deployed applications, which gitlab-runner puts\n"
      "into every script: remove takes them out, so that a job can deploy with them\n"
      "and not read them; keep leaves them there." },
    { NULL, NULL, 0, NULL, NULL },
};

const struct key config_kind_keys[] = {
    { "docker", value_docker, K(docker), "none",
      "socket puts the daemon's socket into the job's container. Whoever can write to\n"
      "it is root on this host: give it to projects you trust." },
    { "network", value_text, K(network), "job",
      "job: one of the job's own. none, host, or the name of a network." },
    { "mounts", value_mounts, K(mounts), "[]",
      "Further mounts of the job's container and its services: /HOST:/CONTAINER[:ro],\n"
      "VOLUME:/CONTAINER[:ro], or /CONTAINER for a volume that they share and that goes\n"
      "with the job." },
    { "images", value_images, K(images), "[]", "Patterns of images that jobs may name, such as\n"
      "registry.example.com/**. Empty: any." },
    { "services", value_images, K(services), "[]", "Patterns of images that jobs may have services of. Empty: any." },
    { "privileged_services", value_images, K(privileged_services), "[]",
      "Patterns of images whose services are privileged, such as docker:*dind*. Empty:\n"
      "none. Whoever may have one is root on this host: a job chooses its command." },
    { "privileged_images", value_images, K(privileged_images), "[]",
      "Patterns of images with which the job's own container is privileged. Empty:\n"
      "none. Such a job is root on this host." },
    { "registry_login", value_flag, K(registry_login), "false",
      "Whether the job finds the registry logins that GitLab sent with it, and those of\n"
      "its DOCKER_AUTH_CONFIG, in its Docker client's configuration: in memory, never\n"
      "the host's own. docker push works then without docker login." },
    { NULL, NULL, 0, NULL, NULL },
};

const struct key config_service_keys[] = {
    { "on_unready", value_unready, C(services.on_unready), "fail",
      "What becomes of a job whose service ends or is not ready in time: fail or warn." },
    { "wait", value_duration, C(services.wait_ms), "30s",
      "How long all services of a job may take until they are ready; 0 waits for none." },
    { NULL, NULL, 0, NULL, NULL },
};

void sample_key(struct strbuf *out, const char *indent, const char *name, const char *value, const char *help)
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
    for (const struct key *k = config_keys; k->name; k++) {
        sample_key(out, "", k->name, k->otherwise, k->help);
        strbuf_puts(out, "\n");
    }
    strbuf_puts(out, "# Services of all jobs.\n#services:\n");
    for (const struct key *k = config_service_keys; k->name; k++)
        sample_key(out, "#  ", k->name, k->otherwise, k->help);
    strbuf_puts(out, "\n# Which kind a stage of a pipeline is. A stage named pull, build, push, test or\n"
                     "# deploy is of that kind without a line here; another one of a job with\n"
                     "# `environment:` is deploy; every other one is `other`.\n"
                     "#stages:\n#  compile: build\n#  staging: deploy\n\n"
                     "# What the containers of a job of each kind get. The kinds: pull, build, push,\n"
                     "# test, deploy, other. What is not written here is the least. A stage's name is\n"
                     "# its author's choice: kinds guard against accidents, not against authors.\n"
                     "#kinds:\n#  build:\n");
    for (const struct key *k = config_kind_keys; k->name; k++) {
        strbuf_puts(out, k > config_kind_keys ? "#\n" : "");
        sample_key(out, "#    ", k->name, k->otherwise, k->help);
    }
    for (const struct setting *k = settings; k->name; k++) {
        strbuf_puts(out, "#\n");
        sample_key(out, "#    ", k->name, k->otherwise, k->help);
    }
    sample_targets(out);
}
