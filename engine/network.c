#include "engine/network.h"

#include "engine/call.h"
#include "engine/make.h"

#include <string.h>

int network_create(struct engine *d, const char *name, const json_t *labels, char **id, struct err *e)
{
    struct make one = { .name = name, .labels = labels };
    auto_err problem = ERR_INIT;

    if (make_all(d, &one, &problem, 1) < 0)
        return err_move(e, &problem);
    *id = one.id;
    return 0;
}

int network_inspect(struct engine *d, const char *name, json_t **out, struct err *e)
{
    const struct engine_call c = {
        .what = "inspect network",
        .name = name,
        .method = "GET",
        .path = "/networks/{}",
    };
    return engine_call(d, &c, out, e);
}

int network_connect(struct engine *d, const char *network, const char *container, const struct strvec *aliases,
                    struct err *e)
{
    json_t *names = aliases ? json_strings(aliases) : NULL;
    auto_json *body = json_pack("{s:s, s:{s:o*}}", "Container", container, "EndpointConfig", "Aliases", names);
    const struct engine_call c = {
        .what = "connect network",
        .name = network,
        .method = "POST",
        .path = "/networks/{}/connect",
        .body = body,
    };
    return engine_call(d, &c, NULL, e);
}

int network_list(struct engine *d, const struct strvec *labels, json_t **out, struct err *e)
{
    return engine_list(d, "list networks", "/networks", labels, out, e);
}

static void disconnect(struct engine *d, const char *network, const char *container)
{
    auto_json *body = json_pack("{s:s, s:b}", "Container", container, "Force", 1);
    const struct engine_call c = {
        .what = "disconnect network",
        .name = network,
        .method = "POST",
        .path = "/networks/{}/disconnect",
        .body = body,
    };
    /* A container that vanished meanwhile is answered in several ways, and one
     * that truly holds on makes the removal fail, which then says so. */
    (void)engine_call(d, &c, NULL, NULL);
}

static int delete(struct engine *d, const char *id, struct err *e)
{
    const struct engine_call c = {
        .what = "remove network",
        .name = id,
        .method = "DELETE",
        .path = "/networks/{}",
        .gone_is_fine = true,
    };
    return engine_call(d, &c, NULL, e);
}

int network_remove_unused(struct engine *d, const char *id, struct err *e)
{
    auto_err problem = ERR_INIT;

    if (delete(d, id, &problem) == 0)
        return 0;
    if (problem.code == 403 || strstr(err_text(&problem), "being used")) /* "has active endpoints"; Podman's word */
        problem.kind = ERR_CONFLICT;
    return err_move(e, &problem);
}

int network_remove(struct engine *d, const char *id, struct err *e)
{
    const struct engine_call inspect = {
        .what = "inspect network",
        .name = id,
        .method = "GET",
        .path = "/networks/{}",
        .gone_is_fine = true,
    };
    auto_json *network = NULL;
    if (engine_call(d, &inspect, &network, e) < 0)
        return -1;
    const char *container;
    json_t *endpoint;
    json_object_foreach(json_object_get(network, "Containers"), container, endpoint) {
        disconnect(d, id, container);
    }
    return delete(d, id, e);
}
