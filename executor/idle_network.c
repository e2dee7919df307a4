#include "executor/idle_network.h"

#include "base/json.h"
#include "base/number.h"
#include "base/text.h"
#include "engine/network.h"
#include "executor/job_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define TAKEN  ".networks"
#define IDLE   ".networks.idle"
#define PREFIX "atelier-net-"
#define ROLE   "network"
/* Before the name of one that is being removed, instead of a job's key. */
#define GOING "removal."
#define NAME_MAX_BYTES 128
#define OLD_S ((int64_t)24 * 60 * 60)

static bool is_name(const char *text)
{
    return text_starts(text, PREFIX) && !strchr(text, '/');
}

static char *new_name(void)
{
    uint64_t random;

    if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
        return NULL;
    return xasprintf(PREFIX "%016llx", (unsigned long long)random);
}

/* ---- The links ---- */

char *idle_network_of(const struct config *c, const char *key)
{
    auto_free char *path = job_folder(c, TAKEN, key);
    char name[NAME_MAX_BYTES];
    ssize_t n = readlink(path, name, sizeof(name) - 1);

    if (n <= 0)
        return NULL;
    name[n] = '\0';
    return is_name(name) ? xstrdup(name) : NULL;
}

/* One that waits. */
struct idle {
    char name[NAME_MAX_BYTES];
    int64_t since; /* seconds since the epoch */
};

struct idle_list {
    struct idle *items;
    size_t n;
};

static void idle_list_release(struct idle_list *list)
{
    free(list->items);
}

static int by_age(const void *a, const void *b)
{
    int64_t x = ((const struct idle *)a)->since, y = ((const struct idle *)b)->since;

    return x < y ? 1 : x > y ? -1 : 0;
}

/* The one that was given back last comes first. */
static void list_idle(const struct config *c, struct idle_list *out)
{
    auto_free char *root = job_folder(c, IDLE, "");
    DIR *dir = opendir(root);
    const struct dirent *entry;
    struct stat st;

    while (dir && (entry = readdir(dir))) {
        if (!is_name(entry->d_name) || strlen(entry->d_name) >= NAME_MAX_BYTES ||
            fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        out->items = xrealloc(out->items, (out->n + 1) * sizeof(*out->items));
        out->items[out->n].since = st.st_mtime;
        (void)stpcpy(out->items[out->n++].name, entry->d_name);
    }
    if (dir)
        (void)closedir(dir);
    if (out->n > 1)
        qsort(out->items, out->n, sizeof(*out->items), by_age);
}

/* With the date of when that was. False: somebody was faster. */
static bool move(const char *from, const char *to)
{
    static const struct timespec now[2] = { { 0, UTIME_NOW }, { 0, UTIME_NOW } };

    (void)utimensat(AT_FDCWD, from, now, AT_SYMLINK_NOFOLLOW);
    return rename(from, to) == 0;
}

static bool claim(const struct config *c, const char *name, const char *key)
{
    auto_free char *from = job_folder(c, IDLE, name);
    auto_free char *to = job_folder(c, TAKEN, key);

    return move(from, to);
}

static bool claim_any(const struct config *c, const char *key)
{
    __attribute__((cleanup(idle_list_release))) struct idle_list list = { 0 };

    list_idle(c, &list);
    for (size_t i = 0; i < list.n; i++)
        if (claim(c, list.items[i].name, key))
            return true;
    return false;
}

static void forget(const struct config *c, const char *key)
{
    auto_free char *path = job_folder(c, TAKEN, key);

    (void)unlink(path);
}

void idle_network_give_up(const struct config *c, const char *key)
{
    auto_free char *name = c->builds ? idle_network_of(c, key) : NULL;

    if (!name)
        return;
    auto_free char *from = job_folder(c, TAKEN, key);
    auto_free char *going = xasprintf(GOING "%s", name);
    auto_free char *to = job_folder(c, TAKEN, going);
    (void)move(from, to);
}

char *idle_network_exchange(const struct config *c, const char *key)
{
    auto_free char *path = job_folder(c, TAKEN, key);
    char *name = new_name();

    idle_network_give_up(c, key);
    if (name && symlink(name, path) < 0)
        free(take(&name));
    return name;
}

char *idle_network_take(const struct config *c, const char *key)
{
    char *had = idle_network_of(c, key);

    if (had)
        return had;
    if (job_folder_make_root(c, TAKEN, NULL) < 0 || job_folder_make_root(c, IDLE, NULL) < 0)
        return NULL;
    return claim_any(c, key) ? idle_network_of(c, key) : idle_network_exchange(c, key);
}

void idle_network_return(const struct config *c, const char *key)
{
    auto_free char *name = c->builds ? idle_network_of(c, key) : NULL;

    if (!name)
        return;
    auto_free char *from = job_folder(c, TAKEN, key);
    auto_free char *to = job_folder(c, IDLE, name);
    if (!move(from, to))
        (void)unlink(from);
}

static void list_links(const struct config *c, const char *what, struct strvec *out)
{
    job_folder_list(c, what, S_IFLNK, INT64_MAX, out);
}

void idle_network_list(const struct config *c, int64_t before, struct strvec *keys)
{
    auto_strvec all = STRVEC_INIT;

    job_folder_list(c, TAKEN, S_IFLNK, before, &all);
    for (size_t i = 0; i < all.n; i++)
        if (!text_starts(all.items[i], GOING))
            strvec_push(keys, all.items[i]);
}

/* ---- The networks ---- */

bool idle_network_suits(const struct host *h)
{
    const struct kinds *kinds = &h->config.kinds;
    const struct kind *kind = &kinds->of[kind_of(kinds, h->job.stage, h->job.environment)];

    return h->config.idle_networks > 0 && strcmp(kind->network, "job") == 0 && !kind_reaches_daemon(kind);
}

static bool is_ours(const json_t *network)
{
    const json_t *labels = json_object_get(network, "Labels");

    return !*json_text(labels, LABEL_JOB) && strcmp(json_text(labels, LABEL_ROLE), ROLE) == 0;
}

static bool is_like_new(const json_t *network)
{
    auto_json *labels = place_network_labels();
    int64_t created;

    return json_equal(json_object_get(network, "Labels"), labels) &&
           timestamp_parse(json_text(network, "Created"), &created) == 0 && created > (int64_t)time(NULL) - OLD_S;
}

int idle_network_look(struct engine *d, const char *name, enum idle_network *out, struct err *e)
{
    auto_json *network = NULL;
    auto_err problem = ERR_INIT;

    *out = NETWORK_MISSING;
    if (network_inspect(d, name, &network, &problem) < 0)
        return problem.kind == ERR_NOT_FOUND ? 0 : err_move(e, &problem);
    if (!is_ours(network) || json_object_size(json_object_get(network, "Containers")) > 0)
        *out = NETWORK_TAKEN;
    else if (is_like_new(network))
        *out = NETWORK_EMPTY;
    else if (network_remove_unused(d, json_text(network, "Id"), &problem) < 0)
        *out = NETWORK_TAKEN;
    return 0;
}

/* 0: there is none of ours by that name any more. */
static int remove_one(struct engine *d, const char *name, struct err *e)
{
    auto_json *network = NULL;
    auto_err problem = ERR_INIT;

    if (network_inspect(d, name, &network, &problem) < 0)
        return problem.kind == ERR_NOT_FOUND ? 0 : err_move(e, &problem);
    if (!is_ours(network))
        return 0;
    if (json_object_size(json_object_get(network, "Containers")) > 0)
        return -1;
    if (network_remove_unused(d, json_text(network, "Id"), &problem) == 0)
        return 0;
    return problem.kind == ERR_CONFLICT ? -1 : err_move(e, &problem);
}

static int remove_going(const struct config *c, struct engine *d, size_t *n, struct err *e)
{
    auto_strvec all = STRVEC_INIT;
    auto_err problem = ERR_INIT;

    list_links(c, TAKEN, &all);
    for (size_t i = 0; i < all.n; i++) {
        if (!text_starts(all.items[i], GOING))
            continue;
        if (d && remove_one(d, all.items[i] + strlen(GOING), &problem) < 0)
            continue;
        ++*n;
        if (d)
            forget(c, all.items[i]);
    }
    return problem.msg ? err_move(e, &problem) : 0;
}

int idle_network_prune(const struct config *c, struct engine *d, int64_t older_than, size_t *n, struct err *e)
{
    __attribute__((cleanup(idle_list_release))) struct idle_list list = { 0 };
    int64_t before = (int64_t)time(NULL) - older_than;

    *n = 0;
    list_idle(c, &list);
    for (size_t i = 0; i < list.n; i++) {
        auto_free char *key = xasprintf(GOING "%s", list.items[i].name);
        if ((int64_t)i < c->idle_networks && list.items[i].since > before)
            continue;
        if (d)
            (void)claim(c, list.items[i].name, key);
        else
            ++*n;
    }
    return remove_going(c, d, n, e);
}

/* ---- Those that no link names ---- */

static void list_known(const struct config *c, struct strvec *out)
{
    auto_strvec keys = STRVEC_INIT;

    list_links(c, IDLE, out);
    list_links(c, TAKEN, &keys);
    for (size_t i = 0; i < keys.n; i++) {
        char *name = idle_network_of(c, keys.items[i]);
        if (name)
            strvec_give(out, name);
    }
}

static bool is_lost(const json_t *network, const struct strvec *known)
{
    const char *name = json_text(network, "Name");
    int64_t created;

    return is_ours(network) && is_name(name) && !strvec_has(known, name) &&
           timestamp_parse(json_text(network, "Created"), &created) == 0 && created <= (int64_t)time(NULL) - OLD_S;
}

int idle_network_sweep(const struct config *c, struct engine *d, bool apply, size_t *n, struct err *e)
{
    auto_strvec known = STRVEC_INIT, labels = STRVEC_INIT;
    auto_json *all = NULL;
    auto_err problem = ERR_INIT;
    size_t i;
    const json_t *network;

    strvec_push(&labels, LABEL_ROLE "=" ROLE);
    if (network_list(d, &labels, &all, e) < 0)
        return -1;
    list_known(c, &known); /* later than the list: what is made meanwhile is not in it */
    json_array_foreach(all, i, network) {
        if (is_lost(network, &known) && (!apply || remove_one(d, json_text(network, "Id"), &problem) == 0))
            ++*n;
    }
    return problem.msg ? err_move(e, &problem) : 0;
}
