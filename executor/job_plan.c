#include "executor/job_plan.h"

#include "base/text.h"
#include "executor/client_config.h"
#include "executor/deploy_way.h"
#include "executor/direct_way.h"
#include "executor/idle_network.h"
#include "executor/sources_mount.h"
#include "stages/service.h"

#include <string.h>
#include <time.h>

/* Names that the runner has expanded, before any message shows them. */
static int check_names(const struct host *h, struct err *e)
{
    auto_json *names = json_pack("[s]", h->job.image.name);

    for (size_t i = 0; i < h->job.n_services; i++) {
        json_array_append_new(names, json_string(h->job.services[i].image.name));
        json_array_append_new(names, json_string(h->job.services[i].alias));
    }
    return secret_variables_check(&h->secrets, names, "the name of an image or a service", e);
}

int job_plan(const struct host *h, const struct invocation *in, struct plan *out, bool *mounts_sources, struct err *e)
{
    struct engine_endpoint endpoint;
    const struct config *c = &h->config;

    if (check_names(h, e) < 0)
        return -1;
    config_endpoint(c, in->env, &endpoint);
    bool unix_socket = config_endpoint_is_unix(&endpoint);
    const struct host_settings settings = {
        .image = c->image,
        .helper_image = c->helper_image,
        .volumes = config_uses_volumes(c, &endpoint),
        .secrets = c->keep_script_secrets ? NULL : &h->secrets,
        .docker_socket = endpoint.host && unix_socket ? endpoint.host + strlen("unix://") : "/var/run/docker.sock",
        .pull_policy = &c->pull_policy,
        .allowed_pull_policies = &c->allowed_pull_policies,
    };
    if (plan_make(&h->job, &h->place, &c->kinds, &settings, (int64_t)time(NULL), out, e) < 0)
        return -1;
    if (service_plan(&h->job, in->env, &c->kinds, &settings, out, e) < 0)
        return -1;
    if (sources_mount_plan(h, in, out, mounts_sources, e) < 0)
        return -1;
    deploy_way_plan(h, in, out);
    direct_way_plan(h, in, out);
    auto_free char *network = out->network ? idle_network_of(c, h->place.key) : NULL;
    if (network)
        plan_use_network(out, network);
    if (plan_check_secrets(out, &h->secrets, e) < 0)
        return -1;
    return client_config_plan(h, in->env, out, e);
}

void job_plan_add_image(const struct host *h, struct plan *plan, const json_t *image)
{
    plan_add_image(plan, &h->job, image);
    direct_way_add_image(plan);
}
