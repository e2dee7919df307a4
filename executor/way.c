#include "executor/way.h"

#include "base/text.h"
#include "engine/container.h"
#include "executor/client_config.h"
#include "executor/direct_way.h"
#include "executor/late_start.h"
#include "executor/role_container.h"
#include "executor/start_problem.h"
#include "stages/plan.h"

#include <string.h>

bool way_is_build(const struct way *w)
{
    return strcmp(w->role, plan_role_name(PLAN_BUILD)) == 0;
}

void way_release(struct way *w)
{
    direct_close(&w->direct);
    engine_close(w->engine);
    free(w->container);
    free(w->image);
    strvec_release(&w->entrypoint);
}

/* ---- By the daemon ---- */

static int find_container(struct way *w, struct err *e)
{
    auto_json *found = NULL;
    auto_json *entrypoint = NULL;

    if (role_container_find(w->engine, &w->host->place, w->role, &found, e) < 0)
        return -1;
    w->container = json_text_any(found, "Id");
    w->image = json_text_any(found, "Image");
    w->running = strcmp(json_text(found, "State"), "running") == 0;
    w->is_ours = text_starts(json_text(found, "Command"), ORDER_PROGRAM);
    const char *text = json_text(json_object_get(found, "Labels"), LABEL_ENTRYPOINT);
    if (*text && json_parse(text, strlen(text), "label " LABEL_ENTRYPOINT, &entrypoint, e) < 0)
        return -1;
    auto_json *holder = json_pack("{s:O*}", "list", entrypoint);
    json_list(holder, "list", &w->entrypoint);
    return 0;
}

int way_reach(struct way *w, struct err *e)
{
    if (w->container)
        return 0;
    if (!w->engine && host_connect(w->host, w->in, &w->engine, e) < 0)
        return -1;
    return find_container(w, e);
}

/* What it had in memory is gone, if it had anything. */
static int start(struct way *w, struct err *e)
{
    auto_err problem = ERR_INIT;

    if (container_start(w->engine, w->container, &problem) < 0) {
        (void)start_problem(w->image, &problem, e);
        return err_wrap(e, "start the job's %s container", w->role);
    }
    if (!way_is_build(w))
        return 0;
    return client_config_write(w->host, w->in, w->engine, w->container, w->entrypoint.n > 0, e);
}

/* `folder`: where it may turn out to listen after all; NULL: that is not wanted. */
static int find_by_daemon(struct way *w, const char *folder, bool was_late, struct err *e)
{
    if (way_reach(w, e) < 0 || (!w->running && start(w, e) < 0))
        return -1;
    if (folder && w->is_ours && ((w->running && was_late) || (!w->running && !direct_wait(folder, &w->direct))))
        direct_way_warn(&w->in->log, folder);
    return 0;
}

/* ---- Straight ---- */

static const char *image_name(const struct host *h)
{
    return *h->job.image.name ? h->job.image.name : h->config.image;
}

/* Whether the container whose network this one shares has ended, and taken it with it (executor/role_container.c). */
static bool has_lost_network(const struct way *w)
{
    const struct host *h = w->host;
    const struct kind *kind = &h->config.kinds.of[kind_of(&h->config.kinds, h->job.stage, h->job.environment)];
    enum plan_role follower = plan_follower(kind, image_name(h));

    if (follower == PLAN_ROLES || strcmp(plan_role_name(follower), w->role) != 0)
        return false;
    auto_free char *owner = direct_way_folder(h, plan_role_name(follower == PLAN_BUILD ? PLAN_HELPER : PLAN_BUILD));
    return !direct_is_there(owner);
}

/* Of a container that prepare did not see running, nobody has looked yet what its image lacks. */
static int check_shell(const struct way *w, struct err *e)
{
    return w->direct.fd < 0 || w->direct.hello.shell ? 0 : start_problem_no_shell(image_name(w->host), e);
}

int way_find(struct way *w, struct err *e)
{
    auto_free char *folder = direct_way_folder(w->host, w->role);
    bool possible = direct_way_is_possible(w->host, w->in);
    bool was_late = possible && way_is_build(w) && late_start_wait(w->host, w->in, INT64_MAX / 2);

    if (host_check_interrupt(w->in, e) < 0)
        return -1;
    if (!(possible && !has_lost_network(w) && direct_open(folder, &w->direct)) &&
        find_by_daemon(w, possible ? folder : NULL, was_late, e) < 0)
        return -1;
    return was_late ? check_shell(w, e) : 0;
}
