#include "executor/sources_mount.h"

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "engine/volume.h"

#include <string.h>

#define REQUEST_MAX ((size_t)64 << 10)

static const char *request_file(const struct invocation *in)
{
    return env_get(in->env, "ATELIER_SOURCES");
}

static int read_request(const struct invocation *in, json_t **out, struct err *e)
{
    const char *path = request_file(in);
    auto_free char *text = NULL;
    size_t len;

    if (file_read(path, REQUEST_MAX, &text, &len, e) < 0)
        return -1;
    return json_parse(text, len, path, out, e);
}

/* Where the overlay goes; NULL when the job cannot have one. */
static const char *project_dir(const struct host *h, const struct invocation *in, const struct plan *plan)
{
    const char *folder = env_get(in->env, "CUSTOM_ENV_CI_PROJECT_DIR");
    const char *builds = plan->place.builds_dir;

    if (plan->builds != builds || h->config.kinds.of[plan->kind].docker == DOCKER_SOCKET || !folder ||
        !text_starts(folder, builds) || folder[strlen(builds)] != '/' || strstr(folder, "/..") || strchr(folder, ':'))
        return NULL;
    return folder;
}

static bool has_build_folder(const struct plan *plan, const json_t *binds)
{
    auto_free char *bind = xasprintf("%s:%s", plan->builds, plan->place.builds_dir);
    size_t i;
    json_t *entry;

    json_array_foreach(binds, i, entry)
        if (strcmp(json_string_value(entry), bind) == 0)
            return true;
    return false;
}

static void add_mounts(json_t *host_config, const json_t *request)
{
    size_t i;
    json_t *mount;

    json_array_foreach(json_object_get(request, "mounts"), i, mount)
        plan_add_mount(host_config, json_text(mount, "source"), json_text(mount, "target"), true);
}

int sources_mount_plan(const struct host *h, const struct invocation *in, struct plan *plan, bool *wanted, struct err *e)
{
    const char *folder = project_dir(h, in, plan);
    auto_json *request = NULL;

    *wanted = request_file(in) && folder;
    if (!*wanted)
        return 0;
    if (read_request(in, &request, e) < 0)
        return -1;
    auto_free char *volume = place_name(&plan->place, "sources");
    auto_free char *bind = xasprintf("%s:%s:nocopy", volume, folder);
    for (size_t i = 0; i < plan_count(plan); i++) {
        json_t *host_config = json_object_get(plan_at(plan, i)->config, "HostConfig");
        json_t *binds = json_object_get(host_config, "Binds");
        if (!has_build_folder(plan, binds))
            continue;
        json_array_append_new(binds, json_string(bind));
        add_mounts(host_config, request);
    }
    return 0;
}

/* Where the daemon has it; the caller's. */
static int make_volume(const struct host *h, struct engine *d, const struct plan *plan, const char *role,
                       const json_t *options, char **where, struct err *e)
{
    auto_free char *name = place_name(&plan->place, role);
    auto_json *labels = place_labels(&h->job, &plan->place, "volume", plan->expires);
    auto_json *made = NULL;

    if (volume_create_with(d, name, labels, options, &made, e) < 0)
        return -1;
    *where = json_text_any(made, "Mountpoint");
    return 0;
}

/* metacopy: to give files to another user is no reason to copy them. */
static json_t *overlay_options(const json_t *request, const char *upper, const char *work)
{
    auto_strvec layers = STRVEC_INIT;

    json_list(request, "layers", &layers);
    auto_free char *lower = strvec_join(&layers, ":");
    auto_free char *options = xasprintf("lowerdir=%s,upperdir=%s,workdir=%s,metacopy=on", lower, upper, work);
    return json_pack("{s:s, s:s, s:s}", "type", "overlay", "device", "overlay", "o", options);
}

int sources_mount_make(const struct host *h, const struct invocation *in, struct engine *d, const struct plan *plan,
                       struct err *e)
{
    auto_json *request = NULL;
    auto_free char *upper = NULL;
    auto_free char *work = NULL;
    auto_free char *ignored = NULL;

    if (read_request(in, &request, e) < 0 || make_volume(h, d, plan, "upper", NULL, &upper, e) < 0 ||
        make_volume(h, d, plan, "work", NULL, &work, e) < 0)
        return -1;
    auto_json *options = overlay_options(request, upper, work);
    return make_volume(h, d, plan, "sources", options, &ignored, e);
}

int sources_mount_done(const struct invocation *in, struct err *e)
{
    auto_free char *done = xasprintf("%s.done", request_file(in));

    return file_write(done, "", 0, 0600, e);
}
