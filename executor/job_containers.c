/* executor/job_containers.c: makes a plan true. */
#include "executor/job_containers.h"

#include "base/file.h"
#include "base/text.h"
#include "engine/container.h"
#include "engine/make.h"
#include "engine/network.h"
#include "engine/volume.h"
#include "executor/client_config.h"
#include "executor/deploy_way.h"
#include "executor/direct.h"
#include "executor/direct_way.h"
#include "executor/idle_network.h"
#include "executor/late_start.h"
#include "executor/sources_mount.h"
#include "executor/start_problem.h"
#include "executor/trace.h"
#include "stages/service.h"

#include <string.h>
#include <unistd.h>

/* Work trees hold secrets: the roots are closed to other users of the host, while
 * what is mounted is open to every user that an image may run as. A user who may
 * not make folders there, or a daemon elsewhere, leaves it to the daemon. */
static void make_folders(const struct job_containers *x)
{
    if (x->plan->builds != x->plan->place.builds_dir || !engine_is_local(x->engine))
        return;
    (void)dir_make(x->host->config.builds, 0700, NULL);
    (void)dir_make(x->host->config.cache, 0700, NULL);
    (void)dir_make(x->plan->place.builds_dir, 0755, NULL);
    (void)dir_make(x->plan->place.cache_dir, 0755, NULL);
}

static int create_volumes(const struct job_containers *x, struct err *e)
{
    for (size_t i = 0; i < x->plan->n_volumes; i++)
        if (volume_create(x->engine, x->plan->volumes[i].name, x->plan->volumes[i].labels, e) < 0)
            return -1;
    return x->mounts_sources ? sources_mount_make(x->host, x->in, x->engine, x->plan, e) : 0;
}

/* The mounts whose source the daemon looks for are its socket, and what deploy-master needs. */
static int explain_create(const struct job_containers *x, struct err *e)
{
    const char *kind = kind_name(x->plan->kind);

    if (x->mounts_sources || !strstr(err_text(e), "bind source path does not exist"))
        return -1;
    e->kind = ERR_CONFIG;
    if (deploy_way_is(x->host, err_text(e)))
        return err_wrap(e, "the daemon does not see this host's files, which deploy-master needs (storage: volumes says so)");
    return err_wrap(e, "jobs of kind '%s' are to have the Docker socket (kinds: %s: docker: socket), and the daemon's "
                    "machine has none there", kind, kind);
}

/* The name is taken. By ours, when a request was carried out whose answer got lost:
 * then it goes. By somebody else's: that is left alone and another name will do,
 * since ours are found by their labels. */
static int free_name(struct job_containers *x, struct make *m, char **other, struct err *e)
{
    auto_json *taken = NULL;
    const struct plan *plan = x->plan;

    if (container_inspect(x->engine, m->name, &taken, e) < 0)
        return -1;
    if (strcmp(json_text(json_at(taken, "Config", "Labels", NULL), LABEL_JOB), x->plan->place.key) == 0)
        return container_remove(x->engine, json_text(taken, "Id"), e);
    *other = xasprintf("%s-%ld", m->name, (long)getpid());
    log_warning(&x->in->log, "a container of another owner is called %s; using %s", m->name, *other);
    if (plan->follower != PLAN_ROLES && m->config == plan->of[plan_owner(plan)].config)
        json_object_set_new(json_object_get(plan->of[plan->follower].config, "HostConfig"), "NetworkMode",
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

/* Networks that wait for others may have the addresses that this job's own lacks. */
static int make_network_again(const struct job_containers *x, struct make *m, struct err *problem, struct err *e)
{
    size_t n = 0;

    if (problem->msg && strstr(err_text(problem), "address pool"))
        (void)idle_network_prune(&x->host->config, x->engine, 0, &n, NULL);
    return n > 0 ? network_create(x->engine, m->name, m->labels, &m->id, e) : err_move(e, problem);
}

/* One that could not be made beside the others. */
static int make_again(struct job_containers *x, struct make *m, struct err *problem, struct err *e)
{
    auto_free char *other = NULL;

    if (!m->config)
        return make_network_again(x, m, problem, e);
    if (problem->msg && direct_way_is_unseen(x->host, err_text(problem))) {
        if (direct_way_is_planned(x->plan))
            log_warning(&x->in->log, "the daemon does not see this host's files: scripts take the longer way, through the "
                        "daemon (direct: off says so)");
        direct_way_undo(x->plan);
        return container_create(x->engine, m->name, m->platform, m->config, &m->id, e) < 0 ? explain_create(x, e) : 0;
    }
    if (problem->msg && problem->kind != ERR_CONFLICT && !came_too_early(problem)) {
        (void)err_move(e, problem);
        return explain_create(x, e);
    }
    if (problem->kind == ERR_CONFLICT && free_name(x, m, &other, e) < 0)
        return -1;
    return container_create(x->engine, m->name, m->platform, m->config, &m->id, e) < 0 ? explain_create(x, e) : 0;
}

static int make_missing(struct job_containers *x, struct make *m, struct err *problem, struct err *e)
{
    return m->id ? 0 : host_check_interrupt(x->in, e) < 0 ? -1 : make_again(x, m, problem, e);
}

/* The network first: what could not be made without it is made again. One that is to share another one's comes last: it
 * may have found a stranger under that name, and the other one gets another name then. */
static int settle(struct job_containers *x, struct make *all, struct err *errs, size_t n, struct err *e)
{
    const struct plan *plan = x->plan;
    struct make *own = x->stand_by ? NULL : &all[n - PLAN_ROLES];
    bool anew = own && plan->follower != PLAN_ROLES && !own[plan_owner(plan)].id;

    if (anew && own[plan->follower].id && container_remove(x->engine, own[plan->follower].id, e) < 0)
        return -1;
    if (anew)
        free(take(&own[plan->follower].id));
    for (size_t i = 0; i < n; i++)
        if (!(own && &all[i] == own + plan->follower) && make_missing(x, &all[i], &errs[i], e) < 0)
            return -1;
    if (!own || plan->follower == PLAN_ROLES)
        return 0;
    return make_missing(x, own + plan->follower, &errs[(size_t)(own - all) + plan->follower], e);
}

/* One that waits for a job need not be made; one that somebody is in is left alone. */
static int find_network(struct job_containers *x, bool *is_there, struct err *e)
{
    enum idle_network found = NETWORK_MISSING;

    *is_there = x->stand_by || !x->plan->network;
    if (*is_there || !idle_network_suits(x->host))
        return 0;
    auto_free char *name = idle_network_take(&x->host->config, x->plan->place.key);
    if (name && idle_network_look(x->engine, name, &found, e) < 0)
        return -1;
    if (found == NETWORK_TAKEN) {
        free(name);
        name = idle_network_exchange(&x->host->config, x->plan->place.key);
    }
    if (name)
        plan_use_network(x->plan, name);
    *is_there = found == NETWORK_EMPTY;
    return 0;
}

/* The job's network and its containers, side by side; of a job whose own ones stand by, its services. */
static int create_all(struct job_containers *x, struct err *e)
{
    bool has_network;
    if (find_network(x, &has_network, e) < 0)
        return -1;
    size_t first = has_network ? 0 : 1;
    size_t n = first + (x->stand_by ? x->plan->n_services : plan_count(x->plan));
    auto_free struct make *all = xcalloc(n + 1, sizeof(*all));
    auto_free struct err *errs = xcalloc(n + 1, sizeof(*errs));

    all[0] = (struct make){ .name = x->plan->network, .labels = x->plan->network_labels };
    for (size_t i = first; i < n; i++) {
        const struct plan_container *c = plan_at(x->plan, i - first);
        all[i] = (struct make){ .name = c->name, .platform = c->platform, .config = c->config };
    }
    int rc = host_check_interrupt(x->in, e);
    if (rc == 0 && make_all(x->engine, all, errs, n) < 0)
        rc = settle(x, all, errs, n, e);
    for (size_t i = 0; i < n; i++) {
        if (i >= first && all[i].id)
            strvec_give(&x->ids, take(&all[i].id));
        free(all[i].id);
        err_release(&errs[i]);
    }
    for (int role = 0; rc == 0 && x->stand_by && role < PLAN_ROLES; role++)
        strvec_push(&x->ids, x->stand_by[role]);
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

static int explain_start(const struct plan_container *c, struct err *from, struct err *e)
{
    return c->aliases.n > 0 ? explain_service(c, from, e) : start_problem(c->image, from, e);
}

/* Those that follow another one, or the others, side by side. */
static int start_some(struct job_containers *x, bool followers, struct err *e)
{
    size_t all = x->stand_by ? x->plan->n_services : x->ids.n, n = 0;
    auto_free struct err *errs = xcalloc(all + 1, sizeof(*errs));
    auto_free const char **ids = xcalloc(all + 1, sizeof(*ids));
    auto_free const struct plan_container **which = xcalloc(all + 1, sizeof(*which));

    for (size_t i = 0; i < all; i++) {
        if ((i == x->plan->n_services + (size_t)x->plan->follower) != followers)
            continue;
        which[n] = plan_at(x->plan, i);
        ids[n++] = x->ids.items[i];
    }
    int rc = container_start_all(x->engine, ids, errs, n);
    for (size_t i = n; i-- > 0;) {
        if (errs[i].msg)
            (void)explain_start(which[i], &errs[i], e);
        err_release(&errs[i]);
    }
    return rc;
}

/* Who needs the build container in prepare cannot have it later. */
static bool can_be_late(const struct job_containers *x)
{
    return x->may_be_late && !x->stand_by && x->plan->follower == PLAN_BUILD && direct_way_is_planned(x->plan) &&
           !client_config_is_planned(x->plan);
}

static int start_follower(struct job_containers *x, bool *late, struct err *e)
{
    *late = can_be_late(x) && late_start_begin(x->host, x->in, job_containers_id(x, PLAN_BUILD), NULL) == 0;
    if (*late || x->stand_by || x->plan->follower == PLAN_ROLES)
        return 0;
    int rc = start_some(x, true, e);
    trace_step(x->in->trace, x->plan->follower == PLAN_BUILD ? "start the build container" : "start the helper");
    return rc;
}

/* On the direct way the container's first process is ours, and says what else the image lacks. */
static int check_direct_way(const struct job_containers *x, struct err *e)
{
    const struct plan_container *c = &x->plan->of[PLAN_BUILD];
    auto_free char *folder = direct_way_folder(x->host, c->role);
    struct direct d = DIRECT_INIT;

    if (!direct_way_is_planned(x->plan))
        return 0;
    if (!direct_wait(folder, &d)) {
        direct_way_warn(&x->in->log, folder);
        return 0;
    }
    int rc = d.hello.shell ? 0 : start_problem_no_shell(c->image, e);
    direct_close(&d);
    return rc;
}

int job_containers_make(struct job_containers *x, struct err *e)
{
    make_folders(x);
    if (deploy_way_make(x->host, x->in, e) < 0 || direct_way_make(x->host, x->plan, e) < 0 || create_volumes(x, e) < 0)
        return -1;
    trace_step(x->in->trace, "folders and volumes");
    if (create_all(x, e) < 0)
        return -1;
    deploy_way_put(x->host, x->in, x->engine, job_containers_id(x, PLAN_BUILD));
    trace_step(x->in->trace, "network and containers");
    return 0;
}

int job_containers_start(struct job_containers *x, struct err *e)
{
    bool late;

    if (start_some(x, false, e) < 0)
        return -1;
    trace_step(x->in->trace, "start");
    return start_follower(x, &late, e) < 0 || (!late && check_direct_way(x, e) < 0) ? -1 : 0;
}

const char *job_containers_id(const struct job_containers *x, enum plan_role role)
{
    return x->ids.items[x->plan->n_services + (size_t)role];
}

void job_containers_release(struct job_containers *x)
{
    strvec_release(&x->ids);
}
