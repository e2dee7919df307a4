#include "executor/job_container.h"

#include "engine/container.h"

int job_container(struct engine *d, const struct place *place, const char *role, json_t **out, struct err *e)
{
    auto_strvec labels = STRVEC_INIT;
    auto_json *list = NULL;

    place_filter(place, &labels);
    strvec_pushf(&labels, LABEL_ROLE "=%s", role);
    if (container_list(d, &labels, &list, e) < 0)
        return -1;
    if (json_array_size(list) == 0)
        return err_set(e, ERR_SYSTEM, 0,
                       "the job's %s container is gone: was it removed from outside, or did prepare not run?", role);
    *out = json_incref(json_array_get(list, 0));
    return 0;
}
