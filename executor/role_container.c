#include "executor/role_container.h"

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

static bool is_follower(const json_t *one)
{
    return text_starts(json_text(json_object_get(one, "HostConfig"), "NetworkMode"), CONTAINER_NETWORK);
}

/* A container that ends takes its network with it: one that shared it has none any more, also when the other one runs
 * again. So it ends as well, and whoever needs it next starts it anew, when the other one runs. */
static int follow_network(struct engine *d, const json_t *asked, const json_t *owner, json_t *follower, struct err *e)
{
    if (!owner || !follower || is_running(owner) || !is_follower(follower))
        return 0;
    if (is_running(follower) && container_kill(d, json_text(follower, "Id"), NULL, e) < 0)
        return -1;
    json_object_set_new(follower, "State", json_string("exited"));
    return asked == follower ? container_start(d, json_text(owner, "Id"), e) : 0;
}

int role_container_find(struct engine *d, const struct place *place, const char *role, json_t **out, struct err *e)
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
    json_t *build = find_role(list, "build"), *helper = find_role(list, "helper");
    if (follow_network(d, found, build, helper, e) < 0 || follow_network(d, found, helper, build, e) < 0)
        return err_wrap(e, "give the job's %s container its network again", role);
    *out = json_incref(found);
    return 0;
}
