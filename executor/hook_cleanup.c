/* executor/hook_cleanup.c: removes whatever bears the job's label (contract 1.11).
 *
 * Runs after every job and every failed prepare, also while a `run` is still
 * alive: removing the containers ends that one too. */
#include "base/text.h"
#include "engine/container.h"
#include "engine/network.h"
#include "engine/volume.h"
#include "executor/host.h"

#include <poll.h>
#include <string.h>

/* A prepare that was killed may have left a request with the daemon that is not
 * carried out yet: look again after this long when the job's things are not complete. */
#define LATE_MS 300
#define ROUNDS  5

/* The strings under `key` of each object of a listing; borrowed from it. */
static const char **ids_of(const json_t *list, const char *key)
{
    const char **ids = xcalloc(json_array_size(list) + 1, sizeof(*ids));
    size_t i;
    json_t *item;

    json_array_foreach(list, i, item)
        ids[i] = json_text(item, key);
    return ids;
}

static int remove_containers(struct engine *d, const json_t *list, struct err *e)
{
    size_t n = json_array_size(list);
    auto_free const char **ids = ids_of(list, "Id");
    auto_free struct err *errs = xcalloc(n + 1, sizeof(*errs));
    int rc = container_remove_all(d, ids, errs, n);

    for (size_t i = 0; i < n; i++) {
        if (errs[i].msg && (!e || !e->msg))
            (void)err_move(e, &errs[i]);
        err_release(&errs[i]);
    }
    return rc;
}

typedef int list_fn(struct engine *d, const struct strvec *labels, json_t **out, struct err *e);
typedef int remove_fn(struct engine *d, const char *id, struct err *e);

static int remove_each(struct engine *d, const struct strvec *labels, list_fn *list, remove_fn *drop,
                       const char *key, size_t *found, struct err *e)
{
    auto_json *all = NULL;

    if (list(d, labels, &all, e) < 0)
        return -1;
    auto_free const char **ids = ids_of(all, key);
    *found += json_array_size(all);
    int rc = 0;
    for (size_t i = 0; ids[i]; i++)
        if (drop(d, ids[i], e) < 0)
            rc = -1;
    return rc;
}

/* Remove what is there now; *found counts it, *containers the containers among it. */
static int round_of(struct engine *d, const struct strvec *labels, size_t *found, size_t *containers,
                    struct err *e)
{
    auto_json *list = NULL;

    if (container_list(d, labels, &list, e) < 0)
        return -1;
    *containers = *found = json_array_size(list);
    if (*containers > 0 && remove_containers(d, list, e) < 0)
        return -1;
    if (remove_each(d, labels, network_list, network_remove, "Id", found, e) < 0)
        return -1;
    return remove_each(d, labels, volume_list, volume_remove, "Name", found, e);
}

static int remove_all(struct engine *d, const struct strvec *labels, struct err *e)
{
    size_t found = 1, containers = 0;
    bool waited = false;

    for (int i = 0; i < ROUNDS; i++) {
        err_release(e);
        int rc = round_of(d, labels, &found, &containers, e);
        if (rc == 0 && found == 0 && (waited || i > 0))
            return 0;
        /* Both of a job's containers were there: nothing more can come. */
        if (containers < 2 && !waited) {
            (void)poll(NULL, 0, LATE_MS);
            waited = true;
        }
    }
    return err_text(e)[0] ? -1 : 0;
}

int hook_cleanup(const struct invocation *in, struct err *e)
{
    auto_host h = { 0 };
    auto_err unreadable = ERR_INIT;
    auto_engine *d = NULL;
    auto_strvec labels = STRVEC_INIT;

    /* A configuration that was broken meanwhile must not keep the job's things here:
     * the daemon that the environment names is the likeliest one. */
    if (host_init(in, &h, &unreadable) < 0) {
        log_warning(&in->log, "%s; cleaning up with the defaults", err_text(&unreadable));
        if (job_from_env(in->env, &h.job, e) < 0)
            return -1;
        (void)job_add_response(&h.job, in->env, NULL);
        place_of(&h.job, "", "", &h.place);
    }
    if (host_connect(&h, in, &d, e) < 0)
        return -1;
    place_filter(&h.place, &labels);
    if (remove_all(d, &labels, e) < 0)
        return err_wrap(e, "clean up job %s", h.place.key);
    return 0;
}
