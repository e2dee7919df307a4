/* executor/hook_prepare.c: makes the plan true: images, network, containers.
 *
 * gitlab-runner tries it three times with cleanup in between; what an earlier try
 * or an earlier life left under the same names is removed first. */
#include "base/file.h"
#include "engine/image.h"
#include "executor/cleaning.h"
#include "executor/client_config.h"
#include "executor/fetch.h"
#include "executor/host.h"
#include "executor/idle_network.h"
#include "executor/job_containers.h"
#include "executor/job_plan.h"
#include "executor/remove.h"
#include "executor/service_logs.h"
#include "executor/services.h"
#include "executor/sources_mount.h"
#include "executor/standby.h"
#include "executor/trace.h"
#include "executor/underway.h"

#include <string.h>
#include <unistd.h>

struct prepare {
    const struct invocation *in;
    struct host host;
    struct plan plan;
    json_t *image, *helper_image; /* as the daemon describes them */
    struct engine *engine;
    struct log out;    /* the job log's ordinary lines */
    struct job_containers containers;
    char *stand_by[PLAN_ROLES];   /* the ids of containers that were there before */
    struct process logs; /* shows what services say */
};

static void prepare_release(struct prepare *p)
{
    service_logs_stop(&p->logs);
    engine_close(p->engine);
    plan_release(&p->plan);
    json_decref(p->image);
    json_decref(p->helper_image);
    for (int role = 0; role < PLAN_ROLES; role++)
        free(p->stand_by[role]);
    job_containers_release(&p->containers);
    host_release(&p->host);
}

/* The cleanup of an earlier try may still be at work. */
#define CLEANUP_MS ((int64_t)60000)

/* What of this job is here already is an earlier try's. Volumes are looked for when it is to have some. */
static int remove_old(struct prepare *p, bool volumes, struct err *e)
{
    auto_strvec labels = STRVEC_INIT;
    int kinds = volumes ? THING_KINDS : THING_VOLUME;
    size_t found;

    place_filter(&p->plan.place, &labels);
    return thing_remove_labelled(p->engine, &labels, kinds, &found, e);
}

static int remove_stale(struct prepare *p, struct err *e)
{
    auto_cleaning cleaning = CLEANING_INIT;
    bool volumes = p->plan.n_volumes > 0 || p->containers.mounts_sources || p->host.config.keep_failed_ms > 0;

    if (cleaning_take_over(&cleaning, &p->host.config, p->plan.place.key, CLEANUP_MS, e) < 0)
        return err_wrap(e, "what an earlier try of this job left");
    int rc = remove_old(p, volumes || cleaning.fd >= 0, e);
    cleaning_end(&cleaning, rc < 0 ? err_text(e) : NULL);
    return rc;
}

static struct standby_job standby_job(struct prepare *p)
{
    return (struct standby_job){ .in = p->in, .host = &p->host, .engine = p->engine, .plan = &p->plan, .image = p->image,
                                 .helper_image = p->helper_image };
}

/* What an earlier try had taken is gone with the rest. */
static int leave_standby(struct prepare *p, struct err *e)
{
    struct standby_job j = standby_job(p);

    if (!host_has_standby(&p->host))
        return 0;
    return standby_leave(&j, e) < 0 ? -1 : remove_stale(p, e);
}

static int check_helper(struct prepare *p, struct err *e)
{
    const char *name = p->plan.of[PLAN_HELPER].image;

    if (image_inspect(p->engine, name, &p->helper_image, e) == 0)
        return 0;
    if (e->kind != ERR_NOT_FOUND)
        return -1;
    return err_set(e, ERR_CONFIG, 0,
                   "the helper image '%s' is not on this host; make it with: sh packaging/images/make helper", name);
}

static int use_standby(struct prepare *p, struct err *e)
{
    struct standby_job j = standby_job(p);
    int taken = p->containers.mounts_sources ? 0 : standby_take(&j, p->stand_by, e);

    if (taken > 0)
        p->containers.stand_by = p->stand_by;
    return taken < 0 ? -1 : 0;
}

static int get_images(struct prepare *p, struct err *e)
{
    auto_strvec pulled = STRVEC_INIT;
    const struct fetch fetch = { p->in, &p->host, p->engine, &p->out, &pulled };

    if (check_helper(p, e) < 0 || fetch_ahead(&fetch, &p->plan, &pulled, e) < 0 ||
        fetch_image(&fetch, &p->plan.of[PLAN_BUILD], &p->image, e) < 0)
        return -1;
    job_plan_add_image(&p->host, &p->plan, p->image);
    log_info(&p->out, "Using image %s (%.19s), stage kind '%s'%s%s", p->plan.of[PLAN_BUILD].image,
             json_text(p->image, "Id"), kind_name(p->plan.kind),
             p->host.config.kinds.of[p->plan.kind].docker == DOCKER_SOCKET ? " with the Docker socket" : "",
             plan_is_privileged(&p->plan.of[PLAN_BUILD]) ? ", privileged" : "");
    return use_standby(p, e) < 0 ? -1 : services_fetch(&fetch, &p->plan, e);
}

static int write_client_config(const struct prepare *p, struct err *e)
{
    const json_t *labels = json_object_get(p->plan.of[PLAN_BUILD].config, "Labels");
    bool has_entrypoint = strcmp(json_text(labels, LABEL_ENTRYPOINT), "[]") != 0;

    return client_config_write(&p->host, p->in, p->engine, job_containers_id(&p->containers, PLAN_BUILD), has_entrypoint, e);
}

static int wait_for_services(const struct prepare *p, struct err *e)
{
    const struct fetch with = { .in = p->in, .host = &p->host, .engine = p->engine, .out = &p->out };
    const struct services services = { .with = &with,
                                       .plan = &p->plan,
                                       .ids = strvec_list(&p->containers.ids),
                                       .helper = job_containers_id(&p->containers, PLAN_HELPER) };

    return services_wait(&services, e);
}

static int make_job(struct prepare *p, struct err *e)
{
    struct trace *trace = p->in->trace;

    if (remove_stale(p, e) < 0 || leave_standby(p, e) < 0)
        return -1;
    trace_step(trace, "earlier tries");
    if (get_images(p, e) < 0 || host_check_interrupt(p->in, e) < 0)
        return -1;
    trace_step(trace, "images");
    p->containers.engine = p->engine;
    if (job_containers_make(&p->containers, e) < 0 || job_containers_start(&p->containers, e) < 0 ||
        write_client_config(p, e) < 0)
        return -1;
    service_logs_start(&p->host, p->in, &p->logs);
    if (wait_for_services(p, e) < 0)
        return -1;
    if (p->containers.mounts_sources && sources_mount_done(p->in, e) < 0)
        return -1;
    trace_step(trace, p->plan.n_services > 0 ? "services ready" : "ready");
    return host_check_interrupt(p->in, e);
}

static int print_plan(const struct prepare *p, struct err *e)
{
    auto_json *json = plan_describe(&p->plan);
    auto_free char *text = json_dumps(json, JSON_INDENT(2) | JSON_SORT_KEYS);
    auto_free char *line = xasprintf("%s\n", text ? text : "");

    return fd_write(STDOUT_FILENO, line, strlen(line), e);
}

/* An error by which no request is left that the daemon may still carry out: it has refused something, or we have. A
 * connection that is lost has the code of what happened to it, which is no HTTP status. */
static bool all_is_answered(const struct err *e)
{
    return e && e->kind != ERR_CANCELLED && (e->kind != ERR_SYSTEM || e->code == 0 || e->code >= 400);
}

int hook_prepare(const struct invocation *in, struct err *e)
{
    __attribute__((cleanup(prepare_release))) struct prepare p = {
        .in = in, .out = { .fd = STDOUT_FILENO, .level = LOG_INFO, .colour = in->log.colour },
        .logs = PROCESS_INIT, .containers = { .in = in, .host = &p.host, .plan = &p.plan, .may_be_late = true }
    };

    if (host_init(in, &p.host, e) < 0 || job_plan(&p.host, in, &p.plan, &p.containers.mounts_sources, e) < 0)
        return -1;
    if (in->dry_run)
        return print_plan(&p, e);
    if (host_connect_alone(&p.host, in, &p.engine, e) < 0)
        return -1;
    trace_step(in->trace, "connect");
    for (size_t i = 0; i < p.plan.warnings.n; i++)
        log_warning(&in->log, "%s", p.plan.warnings.items[i]);
    log_info(&p.out, "atelier " ATELIER_VERSION " on %s, Docker API %s", engine_host(p.engine),
             engine_version(p.engine));
    underway_begin(in);
    int rc = make_job(&p, e);
    if (rc == 0 || all_is_answered(e))
        underway_end(in);
    if (rc == 0)
        return 0;
    idle_network_give_up(&p.host.config, p.host.place.key);
    return err_wrap(e, "prepare job %s", p.host.name);
}
