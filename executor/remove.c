#include "executor/remove.h"

#include "engine/container.h"
#include "engine/network.h"
#include "engine/volume.h"

#include <poll.h>

/* A network whose containers are on their way out is in use, and what was asked for may come late. */
#define LOOK_MS 500
#define LOOKS   12 /* besides those that are to find nothing */

typedef int list_fn(struct engine *d, const struct strvec *labels, json_t **out, struct err *e);
typedef int remove_fn(struct engine *d, const char *id, struct err *e);
typedef int remove_all_fn(struct engine *d, const char *const *ids, struct err *errs, size_t n);

static const struct {
    const char *word;
    const char *id; /* key of its id in a listing */
    list_fn *list;
    remove_fn *remove;         /* one, */
    remove_all_fn *remove_all; /* or, where it pays, several side by side */
} kinds[THING_KINDS] = {
    [THING_CONTAINER] = { "container", "Id", container_list, container_remove, container_remove_all },
    [THING_NETWORK] = { "network", "Id", network_list, network_remove, NULL },
    [THING_VOLUME] = { "volume", "Name", volume_list, volume_remove, NULL },
};

const char *thing_word(enum thing_kind kind)
{
    return kinds[kind].word;
}

const char *thing_id(enum thing_kind kind, const json_t *item)
{
    return json_text(item, kinds[kind].id);
}

const char *thing_name(enum thing_kind kind, const json_t *item)
{
    if (kind != THING_CONTAINER)
        return json_text(item, "Name");
    /* A container's are a list, and each begins with a slash. */
    const char *name = json_string_value(json_array_get(json_object_get(item, "Names"), 0));
    if (!name)
        return json_text(item, "Id");
    return *name == '/' ? name + 1 : name;
}

int thing_list(struct engine *d, enum thing_kind kind, const struct strvec *labels, json_t **out, struct err *e)
{
    return kinds[kind].list(d, labels, out, e);
}

int thing_remove(struct engine *d, enum thing_kind kind, const char *const *ids, struct err *errs, size_t n)
{
    int rc = 0;

    if (kinds[kind].remove_all)
        return kinds[kind].remove_all(d, ids, errs, n);
    for (size_t i = 0; i < n; i++)
        if (kinds[kind].remove(d, ids[i], &errs[i]) < 0)
            rc = -1;
    return rc;
}

int thing_remove_listed(struct engine *d, enum thing_kind kind, const json_t *list, struct err *e)
{
    size_t n = json_array_size(list);
    auto_free const char **ids = xcalloc(n + 1, sizeof(*ids));
    auto_free struct err *errs = xcalloc(n + 1, sizeof(*errs));

    for (size_t i = 0; i < n; i++)
        ids[i] = thing_id(kind, json_array_get(list, i));
    int rc = thing_remove(d, kind, ids, errs, n);
    for (size_t i = 0; i < n; i++) {
        if (errs[i].msg && !e->msg)
            (void)err_move(e, &errs[i]);
        err_release(&errs[i]);
    }
    return rc;
}

int thing_remove_labelled(struct engine *d, const struct strvec *labels, int n_kinds, size_t *found, struct err *e)
{
    *found = 0;
    for (int kind = 0; kind < n_kinds; kind++) {
        auto_json *list = NULL;
        if (thing_list(d, (enum thing_kind)kind, labels, &list, e) < 0)
            return -1;
        *found += json_array_size(list);
        if (thing_remove_listed(d, (enum thing_kind)kind, list, e) < 0)
            return -1;
    }
    return 0;
}

int thing_remove_all(struct engine *d, const struct strvec *labels, int looks, struct err *e)
{
    size_t found = 1;

    for (int i = 0, quiet = 0; i < LOOKS + looks; i++) {
        err_release(e);
        int rc = thing_remove_labelled(d, labels, THING_KINDS, &found, e);
        quiet = rc == 0 && found == 0 ? quiet + 1 : 0;
        if (quiet == looks)
            return 0;
        if (looks > 1 || rc < 0 || (found > 0 && i > 0)) /* somebody else's removal takes its time */
            (void)poll(NULL, 0, LOOK_MS);
    }
    return err_text(e)[0] ? -1 : found == 0 ? 0 : err_set(e, ERR_SYSTEM, 0, "the daemon is still at it");
}
