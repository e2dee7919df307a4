#include "executor/standby.h"

#include "base/json.h"
#include "base/process.h"
#include "engine/image.h"
#include "executor/direct.h"
#include "executor/direct_way.h"
#include "executor/job_containers.h"
#include "executor/job_plan.h"
#include "executor/job_remains.h"
#include "executor/remove.h"
#include "executor/standby_record.h"

#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Before gc may have those that nobody took, nobody takes them. */
#define MARGIN_S 600
/* A removal that hangs so long is left to gc. */
#define REMOVAL_S 300

/* ---- What must fit ---- */

/* What has no socket of ours cannot wait unseen; volumes would be a project's own. */
static bool suits(const struct plan *plan, bool mounts_sources)
{
    return direct_way_is_planned(plan) && plan->n_volumes == 0 && !mounts_sources;
}

static json_t *without_date(const json_t *labels)
{
    json_t *copy = json_deep_copy(labels);

    json_object_del(copy, LABEL_EXPIRES);
    return copy;
}

static json_t *container_details(const struct plan_container *c, const json_t *image)
{
    json_t *config = json_deep_copy(c->config);

    json_object_set_new(config, "Labels", without_date(json_object_get(config, "Labels")));
    return json_pack("{s:s, s:s*, s:o}", "image", json_text(image, "Id"), "platform", c->platform, "create", config);
}

/* A mount stays with the folder that had the name, and a container with the nameservers that the host had. */
static json_t *file_details(const char *path)
{
    struct stat st;

    if (stat(path, &st) < 0)
        return json_null();
    /* A folder's own times change as jobs work in it. */
    return json_pack("[I, I, I]", (json_int_t)st.st_dev, (json_int_t)st.st_ino,
                     (json_int_t)(S_ISDIR(st.st_mode) ? 0 : st.st_mtime));
}

static json_t *details(const struct standby_job *j)
{
    const struct plan *plan = j->plan;

    return json_pack("{s:s*, s:o*, s:[o, o], s:[o, o, o]}", "network", plan->network, "network_labels",
                     plan->network ? without_date(plan->network_labels) : NULL, "containers",
                     container_details(&plan->of[PLAN_BUILD], j->image),
                     container_details(&plan->of[PLAN_HELPER], j->helper_image), "files",
                     file_details(plan->place.builds_dir), file_details(plan->place.cache_dir),
                     file_details("/etc/resolv.conf"));
}

static bool answer(const struct host *h, const struct plan *plan)
{
    for (int role = 0; role < PLAN_ROLES; role++) {
        auto_free char *folder = direct_way_folder(h, plan->of[role].role);
        struct direct d = DIRECT_INIT;
        bool there = direct_open(folder, &d);
        direct_close(&d);
        if (!there)
            return false;
    }
    return true;
}

static bool fits(const struct standby_job *j, const json_t *record)
{
    auto_json *wanted = details(j);

    return j->host->config.standby > 0 && suits(j->plan, false) &&
           json_number(record, "until", 0) > (int64_t)time(NULL) &&
           json_equal(wanted, json_object_get(record, "details")) && answer(j->host, j->plan);
}

/* ---- Whose they are ---- */

/* The same job by another key. */
static int plan_for(struct standby_job *j, const char *key, struct err *e)
{
    struct plan plan = { 0 };
    bool mounts_sources = false;
    char *before = j->host->place.key;

    j->host->place.key = xstrdup(key);
    if (job_plan(j->host, j->in, &plan, &mounts_sources, e) < 0) {
        plan_release(&plan);
        free(j->host->place.key);
        j->host->place.key = before;
        return -1;
    }
    if (j->image)
        job_plan_add_image(j->host, &plan, j->image);
    free(before);
    plan_release(j->plan);
    *j->plan = plan;
    return 0;
}

static void remove_things(const struct host *h, struct engine *d, const char *key)
{
    auto_strvec labels = STRVEC_INIT;
    auto_err e = ERR_INIT; /* gc says it, who finds it next */

    strvec_pushf(&labels, LABEL_JOB "=%s", key);
    if (thing_remove_all(d, &labels, 1, &e) < 0)
        return;
    job_remains_remove(&h->config, key);
    standby_record_remove(&h->config, key);
}

static void remove_waiting(const struct host *h, struct engine *d, const char *slot)
{
    auto_free char *key = standby_record_withdraw(&h->config, slot);

    if (key)
        remove_things(h, d, key);
}

/* Some that nobody wants. */
struct unwanted {
    const struct invocation *in;
    const struct host *host;
    const char *key;
};

static int remove_unwanted(void *ctx, int fd)
{
    const struct unwanted *u = ctx;
    struct engine *engine = NULL;

    (void)fd;
    (void)alarm(REMOVAL_S);
    if (host_connect(u->host, u->in, &engine, NULL) == 0)
        remove_things(u->host, engine, u->key);
    engine_close(engine);
    return 0;
}

/* By a process of its own: a job waits. What that one does not do is gc's, for nobody has them. */
static void drop(struct standby_job *j, const char *key)
{
    struct unwanted u = { j->in, j->host, key };

    standby_record_return(&j->host->config, j->host->name);
    (void)process_detach(remove_unwanted, &u, -1, NULL);
}

static int take_as(struct standby_job *j, const char *key, char *ids[PLAN_ROLES], struct err *e)
{
    const struct config *c = &j->host->config;
    auto_json *record = standby_record_read(c, key);

    if (!record || plan_for(j, key, e) < 0 || !fits(j, record) ||
        standby_record_date(c, j->host->name, key, (int64_t)time(NULL), j->plan->expires, e) < 0)
        return 0;
    for (int role = 0; role < PLAN_ROLES; role++)
        ids[role] = xstrdup(json_text(json_object_get(record, "ids"), j->plan->of[role].role));
    return 1;
}

int standby_take(struct standby_job *j, char *ids[PLAN_ROLES], struct err *e)
{
    auto_free char *slot = place_slot(&j->host->job);
    auto_free char *key = standby_record_take(&j->host->config, slot, j->host->name);
    auto_err ignored = ERR_INIT;

    if (!key)
        return 0;
    if (take_as(j, key, ids, &ignored))
        return 1;
    drop(j, key);
    return host_has_standby(j->host) ? plan_for(j, j->host->name, e) : 0;
}

int standby_leave(struct standby_job *j, struct err *e)
{
    job_remains_remove(&j->host->config, j->host->place.key);
    standby_forget(j->host);
    return plan_for(j, j->host->name, e);
}

void standby_forget(const struct host *h)
{
    if (!host_has_standby(h))
        return;
    standby_record_return(&h->config, h->name);
    standby_record_remove(&h->config, h->place.key);
}

/* ---- The next one's ---- */

/* Its prepare has seen both, and pulled what was to be pulled. */
static int find_images(struct standby_job *j, json_t **image, json_t **helper, struct err *e)
{
    if (image_inspect(j->engine, j->plan->of[PLAN_BUILD].image, image, e) < 0 ||
        image_inspect(j->engine, j->plan->of[PLAN_HELPER].image, helper, e) < 0)
        return -1;
    j->image = *image;
    j->helper_image = *helper;
    return 0;
}

/* Whether some wait that the next such job would take; others are removed. */
static bool is_provided(struct standby_job *j, const char *slot)
{
    const struct config *c = &j->host->config;
    auto_free char *key = standby_record_waiting(c, slot);
    auto_json *record = key ? standby_record_read(c, key) : NULL;

    if (!key)
        return false;
    if (record && plan_for(j, key, NULL) == 0 && fits(j, record))
        return true;
    remove_waiting(j->host, j->engine, slot);
    return false;
}

static int make(struct standby_job *j, const char *slot, const char *key, struct err *e)
{
    struct job_containers containers = {
        .in = j->in, .host = j->host, .engine = j->engine, .plan = j->plan, .ids = STRVEC_INIT
    };

    int rc = job_containers_make(&containers, e);
    if (rc == 0)
        rc = job_containers_start(&containers, e);
    if (rc == 0 && !answer(j->host, j->plan))
        rc = err_set(e, ERR_SYSTEM, 0, "the containers do not answer on their sockets");
    if (rc == 0) {
        auto_json *record = json_pack("{s:I, s:o, s:{s:s, s:s}}", "until", (json_int_t)(j->plan->expires - MARGIN_S), "details",
                                      details(j), "ids", "build", job_containers_id(&containers, PLAN_BUILD), "helper",
                                      job_containers_id(&containers, PLAN_HELPER));
        rc = standby_record_offer(&j->host->config, slot, key, record, e);
    }
    job_containers_release(&containers);
    return rc;
}

static int provide(struct standby_job *j, const char *slot, struct err *e)
{
    auto_free char *key = place_standby_key(&j->host->job);
    auto_json *image = NULL, *helper = NULL;
    bool mounts_sources = false;

    if (job_plan(j->host, j->in, j->plan, &mounts_sources, e) < 0)
        return -1;
    if (!suits(j->plan, mounts_sources))
        return 0;
    if (find_images(j, &image, &helper, e) < 0)
        return -1;
    if (is_provided(j, slot))
        return 0;
    if (plan_for(j, key, e) < 0)
        return -1;
    plan_drop_services(j->plan);
    int rc = make(j, slot, key, e);
    if (rc < 0)
        remove_things(j->host, j->engine, key);
    return rc < 0 && e->kind == ERR_CONFLICT ? 0 : rc;
}

void standby_renew(const struct invocation *in, struct host *h, struct engine *d)
{
    auto_free char *slot = place_slot(&h->job);
    auto_plan plan = { 0 };
    auto_err e = ERR_INIT;
    struct invocation alone = *in; /* nobody interrupts it, and it is no step of a hook */
    struct standby_job j = { .in = &alone, .host = h, .engine = d, .plan = &plan };

    alone.interrupt_fd = -1;
    alone.trace = NULL;
    if (h->config.standby == 0) {
        remove_waiting(h, d, slot);
        return;
    }
    int rc = provide(&j, slot, &e);
    standby_record_problem(&h->config, slot, rc < 0 ? err_text(&e) : NULL);
}
