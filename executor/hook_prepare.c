/* executor/hook_prepare.c: makes the plan true: images, network, containers.
 *
 * gitlab-runner tries it three times with cleanup in between; what an earlier try
 * or an earlier life left under the same names is removed first. */
#include "base/file.h"
#include "base/text.h"
#include "engine/container.h"
#include "engine/image.h"
#include "engine/make.h"
#include "engine/volume.h"
#include "executor/cleaning.h"
#include "executor/client_config.h"
#include "executor/deploy_way.h"
#include "executor/direct.h"
#include "executor/direct_way.h"
#include "executor/fetch.h"
#include "executor/host.h"
#include "executor/remove.h"
#include "executor/service_logs.h"
#include "executor/services.h"
#include "executor/sources_mount.h"
#include "executor/trace.h"
#include "executor/underway.h"
#include "stages/service.h"

#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct prepare {
    const struct invocation *in;
    struct host host;
    struct plan plan;
    struct engine *engine;
    struct log out;    /* the job log's ordinary lines */
    struct strvec ids; /* of the containers that were made, in the plan's order */
    struct process logs; /* shows what services say */
    bool mounts_sources; /* the project folder is an overlay */
};

static void prepare_release(struct prepare *p)
{
    service_logs_stop(&p->logs);
    engine_close(p->engine);
    plan_release(&p->plan);
    strvec_release(&p->ids);
    host_release(&p->host);
}

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

static int make_plan(struct prepare *p, struct err *e)
{
    struct engine_endpoint endpoint;
    struct config *c = &p->host.config;

    if (check_names(&p->host, e) < 0)
        return -1;
    config_endpoint(c, p->in->env, &endpoint);
    bool unix_socket = !endpoint.host || text_starts(endpoint.host, "unix://");
    const struct host_settings settings = {
        .image = c->image,
        .helper_image = c->helper_image,
        .volumes = config_uses_volumes(c, &endpoint),
        .secrets = c->keep_script_secrets ? NULL : &p->host.secrets,
        .docker_socket = endpoint.host && unix_socket ? endpoint.host + strlen("unix://") : "/var/run/docker.sock",
        .pull_policy = &c->pull_policy,
        .allowed_pull_policies = &c->allowed_pull_policies,
    };
    if (plan_make(&p->host.job, &p->host.place, &c->kinds, &settings, (int64_t)time(NULL), &p->plan, e) < 0)
        return -1;
    if (service_plan(&p->host.job, p->in->env, &c->kinds, &settings, &p->plan, e) < 0)
        return -1;
    if (sources_mount_plan(&p->host, p->in, &p->plan, &p->mounts_sources, e) < 0)
        return -1;
    deploy_way_plan(&p->host, p->in, &p->plan);
    direct_way_plan(&p->host, p->in, &p->plan);
    if (plan_check_secrets(&p->plan, &p->host.secrets, e) < 0)
        return -1;
    return client_config_plan(&p->host, p->in->env, &p->plan, e);
}

/* The cleanup of an earlier try may still be at work. */
#define CLEANUP_MS ((int64_t)60000)

/* What of this job is here already is an earlier try's. Volumes are looked for when it is to have some. */
static int remove_old(struct prepare *p, bool volumes, struct err *e)
{
    auto_strvec labels = STRVEC_INIT;
    int kinds = volumes ? THING_KINDS : THING_VOLUME;

    place_filter(&p->plan.place, &labels);
    for (int kind = 0; kind < kinds; kind++) {
        auto_json *list = NULL;
        if (thing_list(p->engine, (enum thing_kind)kind, &labels, &list, e) < 0 ||
            thing_remove_listed(p->engine, (enum thing_kind)kind, list, e) < 0)
            return -1;
    }
    return 0;
}

static int remove_stale(struct prepare *p, struct err *e)
{
    auto_cleaning cleaning = CLEANING_INIT;
    bool volumes = p->plan.n_volumes > 0 || p->mounts_sources || p->host.config.keep_failed_ms > 0;

    if (cleaning_take_over(&cleaning, &p->host.config, p->plan.place.key, CLEANUP_MS, e) < 0)
        return err_wrap(e, "what an earlier try of this job left");
    int rc = remove_old(p, volumes || cleaning.fd >= 0, e);
    cleaning_end(&cleaning, rc < 0 ? err_text(e) : NULL);
    return rc;
}

static int check_helper(struct prepare *p, struct err *e)
{
    auto_json *image = NULL;
    const char *name = p->plan.of[PLAN_HELPER].image;

    if (image_inspect(p->engine, name, &image, e) == 0)
        return 0;
    if (e->kind != ERR_NOT_FOUND)
        return -1;
    return err_set(e, ERR_CONFIG, 0,
                   "the helper image '%s' is not on this host; make it with: sh packaging/images/make helper", name);
}

static int get_images(struct prepare *p, struct err *e)
{
    auto_json *image = NULL;
    auto_strvec pulled = STRVEC_INIT;
    const struct fetch fetch = { p->in, &p->host, p->engine, &p->out, &pulled };

    if (check_helper(p, e) < 0 || fetch_ahead(&fetch, &p->plan, &pulled, e) < 0 || fetch_image(&fetch, &p->plan.of[PLAN_BUILD], &image, e) < 0)
        return -1;
    plan_add_image(&p->plan, &p->host.job, image);
    direct_way_add_image(&p->plan);
    log_info(&p->out, "Using image %s (%.19s), stage kind '%s'%s%s", p->plan.of[PLAN_BUILD].image,
             json_text(image, "Id"), kind_name(p->plan.kind),
             p->host.config.kinds.of[p->plan.kind].docker == DOCKER_SOCKET ? " with the Docker socket" : "",
             plan_is_privileged(&p->plan.of[PLAN_BUILD]) ? ", privileged" : "");
    return services_fetch(&fetch, &p->plan, e);
}

static int create_volumes(const struct prepare *p, struct err *e)
{
    for (size_t i = 0; i < p->plan.n_volumes; i++)
        if (volume_create(p->engine, p->plan.volumes[i].name, p->plan.volumes[i].labels, e) < 0)
            return -1;
    return p->mounts_sources ? sources_mount_make(&p->host, p->in, p->engine, &p->plan, e) : 0;
}

/* The mounts whose source the daemon looks for are its socket, and what deploy-master needs. */
static int explain_create(const struct prepare *p, struct err *e)
{
    const char *kind = kind_name(p->plan.kind);

    if (p->mounts_sources || !strstr(err_text(e), "bind source path does not exist"))
        return -1;
    e->kind = ERR_CONFIG;
    if (deploy_way_is(&p->host, err_text(e)))
        return err_wrap(e, "the daemon does not see this host's files, which deploy-master needs (storage: volumes says so)");
    return err_wrap(e, "jobs of kind '%s' are to have the Docker socket (kinds: %s: docker: socket), and the daemon's "
                    "machine has none there", kind, kind);
}

/* Whether the helper has the network of the build container, and not a place of its own in one. */
static bool helper_follows(const struct prepare *p)
{
    const json_t *config = json_object_get(p->plan.of[PLAN_HELPER].config, "HostConfig");

    return text_starts(json_text(config, "NetworkMode"), CONTAINER_NETWORK);
}

/* The name is taken. By ours, when a request was carried out whose answer got lost:
 * then it goes. By somebody else's: that is left alone and another name will do,
 * since ours are found by their labels. */
static int free_name(struct prepare *p, struct make *m, char **other, struct err *e)
{
    auto_json *taken = NULL;
    json_t *helper = p->plan.of[PLAN_HELPER].config;

    if (container_inspect(p->engine, m->name, &taken, e) < 0)
        return -1;
    if (strcmp(json_text(json_at(taken, "Config", "Labels", NULL), LABEL_JOB), p->plan.place.key) == 0)
        return container_remove(p->engine, json_text(taken, "Id"), e);
    *other = xasprintf("%s-%ld", m->name, (long)getpid());
    log_warning(&p->in->log, "a container of another owner is called %s; using %s", m->name, *other);
    if (helper_follows(p) && m->config == p->plan.of[PLAN_BUILD].config)
        json_object_set_new(json_object_get(helper, "HostConfig"), "NetworkMode",
                            json_sprintf(CONTAINER_NETWORK "%s", *other));
    m->name = *other;
    return 0;
}

/* Whether the daemon missed what was made at the same time. */
static bool came_too_early(const struct err *problem)
{
    return problem->code >= 400 &&
           (strcasestr(err_text(problem), "not found") || strcasestr(err_text(problem), "no such"));
}

/* One that could not be made beside the others. */
static int make_again(struct prepare *p, struct make *m, struct err *problem, struct err *e)
{
    auto_free char *other = NULL;

    if (!m->config)
        return err_move(e, problem);
    if (problem->msg && direct_way_is_unseen(&p->host, err_text(problem))) {
        if (direct_way_is_planned(&p->plan))
            log_warning(&p->in->log, "the daemon does not see this host's files: scripts take the longer way, through the "
                        "daemon (direct: off says so)");
        direct_way_undo(&p->plan);
        return container_create(p->engine, m->name, m->platform, m->config, &m->id, e) < 0 ? explain_create(p, e) : 0;
    }
    if (problem->msg && problem->kind != ERR_CONFLICT && !came_too_early(problem)) {
        (void)err_move(e, problem);
        return explain_create(p, e);
    }
    if (problem->kind == ERR_CONFLICT && free_name(p, m, &other, e) < 0)
        return -1;
    return container_create(p->engine, m->name, m->platform, m->config, &m->id, e) < 0 ? explain_create(p, e) : 0;
}

/* The network first: what could not be made without it is made again. A helper that shares the build container's may
 * have found another one under that name. */
static int settle(struct prepare *p, struct make *all, struct err *errs, size_t n, struct err *e)
{
    struct make *helper = &all[n - PLAN_ROLES + PLAN_HELPER];
    bool anew = helper_follows(p) && !all[n - PLAN_ROLES + PLAN_BUILD].id;

    if (anew && helper->id && container_remove(p->engine, helper->id, e) < 0)
        return -1;
    if (anew)
        free(take(&helper->id));
    for (size_t i = 0; i < n; i++)
        if (!all[i].id && (host_check_interrupt(p->in, e) < 0 || make_again(p, &all[i], &errs[i], e) < 0))
            return -1;
    return 0;
}

/* The job's network and its containers, side by side. */
static int create_all(struct prepare *p, struct err *e)
{
    size_t first = p->plan.network ? 1 : 0, n = plan_count(&p->plan) + first;
    auto_free struct make *all = xcalloc(n, sizeof(*all));
    auto_free struct err *errs = xcalloc(n, sizeof(*errs));

    all[0] = (struct make){ .name = p->plan.network, .labels = p->plan.network_labels };
    for (size_t i = first; i < n; i++) {
        const struct plan_container *c = plan_at(&p->plan, i - first);
        all[i] = (struct make){ .name = c->name, .platform = c->platform, .config = c->config };
    }
    int rc = host_check_interrupt(p->in, e);
    if (rc == 0 && make_all(p->engine, all, errs, n) < 0)
        rc = settle(p, all, errs, n, e);
    for (size_t i = 0; i < n; i++) {
        if (i >= first && all[i].id)
            strvec_give(&p->ids, take(&all[i].id));
        free(all[i].id);
        err_release(&errs[i]);
    }
    return rc;
}

/* A service whose entrypoint or command names a program that it does not have is the job's to mend. */
static int explain_service(const struct plan_container *c, struct err *from, struct err *e)
{
    auto_free char *shown = service_shown(c);

    if (strstr(err_text(from), "exec: \"") || strcasestr(err_text(from), "executable file"))
        from->kind = ERR_JOB;
    (void)err_wrap(from, "%s", shown);
    return err_move(e, from);
}

/* Nothing that trying again would mend. */
static int lacks_shell(const struct plan_container *c, struct err *e)
{
    return err_set(e, ERR_JOB, 0,
                   "image '%s' has no 'sh' in its PATH, so no script can run in it; choose an image with a shell",
                   c->image);
}

/* runc says "executable file not found", crun "executable file `sh` not found"; a mount
 * that cannot be made is "no such file" as well, but not the image's fault. */
static int explain_start(const struct plan_container *c, struct err *from, struct err *e)
{
    const char *why = strcasestr(err_text(from), "executable file");

    if (c->aliases.n > 0)
        return explain_service(c, from, e);
    if (why && strcasestr(why, "not found"))
        return lacks_shell(c, e);
    return err_move(e, from);
}

static int start_some(struct prepare *p, size_t from, size_t n, struct err *e)
{
    auto_free struct err *errs = xcalloc(n + 1, sizeof(*errs));
    int rc = container_start_all(p->engine, (const char *const *)strvec_list(&p->ids) + from, errs, n);

    for (size_t i = n; i-- > 0;) {
        if (errs[i].msg)
            (void)explain_start(plan_at(&p->plan, from + i), &errs[i], e);
        err_release(&errs[i]);
    }
    return rc;
}

/* All side by side, but for a helper that shares the build container's network: that one runs first. */
static int start_containers(struct prepare *p, struct err *e)
{
    size_t n = p->ids.n, last = helper_follows(p) ? 1 : 0;

    if (start_some(p, 0, n - last, e) < 0)
        return -1;
    trace_step(p->in->trace, "start");
    if (start_some(p, n - last, last, e) < 0)
        return -1;
    trace_step(p->in->trace, "start the helper");
    return 0;
}

/* On the direct way the container's first process is ours, and says what else the image lacks. */
static int check_direct_way(const struct prepare *p, struct err *e)
{
    const struct plan_container *c = &p->plan.of[PLAN_BUILD];
    auto_free char *folder = direct_way_folder(&p->host, c->role);
    struct direct d = DIRECT_INIT;

    if (!direct_way_is_planned(&p->plan))
        return 0;
    if (!direct_wait(folder, &d)) {
        log_warning(&p->in->log, "the job's container does not answer on its socket in '%s': scripts take the longer way, "
                    "through the daemon (direct: off says so)", folder);
        return 0;
    }
    int rc = d.hello.shell ? 0 : lacks_shell(c, e);
    direct_close(&d);
    return rc;
}

static int write_client_config(const struct prepare *p, struct err *e)
{
    const json_t *labels = json_object_get(p->plan.of[PLAN_BUILD].config, "Labels");
    bool has_entrypoint = strcmp(json_text(labels, LABEL_ENTRYPOINT), "[]") != 0;

    return client_config_write(&p->host, p->in, p->engine, p->ids.items[p->plan.n_services + PLAN_BUILD],
                               has_entrypoint, e);
}

static int wait_for_services(const struct prepare *p, struct err *e)
{
    const struct fetch with = { .in = p->in, .host = &p->host, .engine = p->engine, .out = &p->out };
    const struct services services = { .with = &with,
                                       .plan = &p->plan,
                                       .ids = strvec_list(&p->ids),
                                       .helper = p->ids.items[p->plan.n_services + PLAN_HELPER] };

    return services_wait(&services, e);
}

/* Work trees hold secrets: the roots are closed to other users of the host, while
 * what is mounted is open to every user that an image may run as. A user who may
 * not make folders there, or a daemon elsewhere, leaves it to the daemon. */
static void make_folders(const struct prepare *p)
{
    if (p->plan.builds != p->plan.place.builds_dir || !engine_is_local(p->engine))
        return;
    (void)dir_make(p->host.config.builds, 0700, NULL);
    (void)dir_make(p->host.config.cache, 0700, NULL);
    (void)dir_make(p->plan.place.builds_dir, 0755, NULL);
    (void)dir_make(p->plan.place.cache_dir, 0755, NULL);
}

static int make_job(struct prepare *p, struct err *e)
{
    struct trace *trace = p->in->trace;

    if (remove_stale(p, e) < 0)
        return -1;
    trace_step(trace, "earlier tries");
    if (get_images(p, e) < 0 || host_check_interrupt(p->in, e) < 0)
        return -1;
    trace_step(trace, "images");
    make_folders(p);
    if (deploy_way_make(&p->host, p->in, e) < 0 || direct_way_make(&p->host, &p->plan, e) < 0 || create_volumes(p, e) < 0)
        return -1;
    trace_step(trace, "folders and volumes");
    if (create_all(p, e) < 0)
        return -1;
    deploy_way_put(&p->host, p->in, p->engine, p->ids.items[p->plan.n_services + PLAN_BUILD]);
    trace_step(trace, "network and containers");
    if (start_containers(p, e) < 0 || check_direct_way(p, e) < 0 || write_client_config(p, e) < 0)
        return -1;
    service_logs_start(&p->host, p->in, &p->logs);
    if (wait_for_services(p, e) < 0)
        return -1;
    if (p->mounts_sources && sources_mount_done(p->in, e) < 0)
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

int hook_prepare(const struct invocation *in, struct err *e)
{
    __attribute__((cleanup(prepare_release))) struct prepare p = {
        .in = in, .out = { .fd = STDOUT_FILENO, .level = LOG_INFO, .colour = in->log.colour },
        .logs = PROCESS_INIT
    };

    if (host_init(in, &p.host, e) < 0 || make_plan(&p, e) < 0)
        return -1;
    if (in->dry_run)
        return print_plan(&p, e);
    if (host_connect(&p.host, in, &p.engine, e) < 0)
        return -1;
    trace_step(in->trace, "connect");
    for (size_t i = 0; i < p.plan.warnings.n; i++)
        log_warning(&in->log, "%s", p.plan.warnings.items[i]);
    log_info(&p.out, "atelier " ATELIER_VERSION " on %s, Docker API %s", engine_host(p.engine),
             engine_version(p.engine));
    underway_begin(in);
    int rc = make_job(&p, e);
    underway_end(in);
    return rc < 0 ? err_wrap(e, "prepare job %s", p.host.place.key) : 0;
}
