#include "engine/volume.h"

#include "engine/call.h"

int volume_create(struct engine *d, const char *name, const json_t *labels, struct err *e)
{
    return volume_create_with(d, name, labels, NULL, NULL, e);
}

int volume_create_with(struct engine *d, const char *name, const json_t *labels, const json_t *options, json_t **out,
                       struct err *e)
{
    auto_json *body = json_pack("{s:s, s:O*, s:O*}", "Name", name, "Labels", labels, "DriverOpts", options);
    const struct engine_call c = {
        .what = "create volume",
        .name = name,
        .method = "POST",
        .path = "/volumes/create",
        .body = body,
    };
    return engine_call(d, &c, out, e);
}

int volume_inspect(struct engine *d, const char *name, json_t **out, struct err *e)
{
    const struct engine_call c = {
        .what = "inspect volume",
        .name = name,
        .method = "GET",
        .path = "/volumes/{}",
    };
    return engine_call(d, &c, out, e);
}

int volume_list(struct engine *d, const struct strvec *labels, json_t **out, struct err *e)
{
    auto_json *answer = NULL;
    if (engine_list(d, "list volumes", "/volumes", labels, &answer, e) < 0)
        return -1;
    /* {"Volumes": null} is how an older daemon says that there are none. */
    json_t *volumes = json_object_get(answer, "Volumes");
    *out = json_is_array(volumes) ? json_incref(volumes) : json_array();
    return 0;
}

int volume_remove(struct engine *d, const char *name, struct err *e)
{
    const struct engine_call c = {
        .what = "remove volume",
        .name = name,
        .method = "DELETE",
        .path = "/volumes/{}",
        .gone_is_fine = true,
    };
    return engine_call(d, &c, NULL, e);
}
