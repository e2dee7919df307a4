#include "executor/job_container.h"

#include "base/text.h"
#include "engine/container.h"
#include "stages/plan.h"

#include <string.h>

static json_t *find_role(const json_t *list, const char *role)
{
    size_t i;
    json_t *one;

    json_array_foreach(list, i, one) {
        if (strcmp(json_text(json_object_get(one, "Labels"), LABEL_ROLE), role) == 0)
            return one;
    }
    return NULL;
}

static bool is_running(const json_t *one)
{
    return strcmp(json_text(one, "State"), "running") == 0;
}

/* A container that ends takes its network with it: a helper that shared it has none any more, also when the other one
 * runs again. So it ends as well, and whoever needs it next starts it anew, when the other one runs. */
static int follow_network(struct engine *d, const char *role, const json_t *build, json_t *helper, struct err *e)
{
    if (!build || !helper || is_running(build) ||
        !text_starts(json_text(json_object_get(helper, "HostConfig"), "NetworkMode"), CONTAINER_NETWORK))
        return 0;
    if (is_running(helper) && container_kill(d, json_text(helper, "Id"), NULL, e) < 0)
        return -1;
    json_object_set_new(helper, "State", json_string("exited"));
    return strcmp(role, "helper") == 0 ? container_start(d, json_text(build, "Id"), e) : 0;
}

int job_container(struct engine *d, const struct place *place, const char *role, json_t **out, struct err *e)
{
    auto_strvec labels = STRVEC_INIT;
    auto_json *list = NULL;

    place_filter(place, &labels);
    if (container_list(d, &labels, &list, e) < 0)
        return -1;
    json_t *found = find_role(list, role);
    if (!found)
        return err_set(e, ERR_SYSTEM, 0,
                       "the job's %s container is gone: was it removed from outside, or did prepare not run?", role);
    if (follow_network(d, role, find_role(list, "build"), find_role(list, "helper"), e) < 0)
        return err_wrap(e, "give the job's helper container its network again");
    *out = json_incref(found);
    return 0;
}
