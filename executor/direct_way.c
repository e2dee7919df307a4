#include "executor/direct_way.h"

#include "base/file.h"
#include "base/text.h"
#include "executor/init/order.h"
#include "executor/program.h"
#include "stages/shell.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define PROGRAM SHELL_INIT
#define FOLDERS ".direct" /* beside the runners', whose names have no dot */

/* Another machine's daemon has neither our folders nor our programs. */
bool direct_way_is_possible(const struct host *h, const struct invocation *in)
{
    struct engine_endpoint endpoint;

    config_endpoint(&h->config, in->env, &endpoint);
    return h->config.direct && !config_uses_volumes(&h->config, &endpoint) &&
           (!endpoint.host || text_starts(endpoint.host, "unix://"));
}

static char *folder_of(const struct config *c, const char *key)
{
    return xasprintf("%s/" FOLDERS "/%s", c->builds, key);
}

char *direct_way_folder(const struct host *h, const char *role)
{
    auto_free char *folder = folder_of(&h->config, h->place.key);

    return xasprintf("%s/%s", folder, role);
}

bool direct_way_is_unseen(const struct host *h, const char *text)
{
    auto_free char *folder = folder_of(&h->config, h->place.key);

    return strstr(text, "bind source path does not exist") && (strstr(text, folder) || text_ends(text, "/" PROGRAM));
}

/* ---- The plan ---- */

bool direct_way_is_planned(const struct plan *plan)
{
    const json_t *entrypoint = json_object_get(plan->of[PLAN_BUILD].config, "Entrypoint");

    return strcmp(json_string_value(json_array_get(entrypoint, 0)), ORDER_PROGRAM) == 0;
}

/* Mounts and not binds: for those the daemon makes a folder where nothing is. */
static void add_mount(json_t *host_config, const char *source, const char *target, bool read_only)
{
    if (!json_object_get(host_config, "Mounts"))
        json_object_set_new(host_config, "Mounts", json_array());
    json_array_append_new(json_object_get(host_config, "Mounts"),
                          json_pack("{s:s, s:s, s:s, s:b}", "Type", "bind", "Source", source, "Target", target,
                                    "ReadOnly", read_only));
}

void direct_way_plan(const struct host *h, const struct invocation *in, struct plan *plan)
{
    static const char *const built[] = { "init/" PROGRAM, NULL };
    auto_free char *program = NULL;
    auto_err e = ERR_INIT;

    if (!direct_way_is_possible(h, in))
        return;
    program = program_find(in->program, PROGRAM, built, &e);
    if (!program) {
        strvec_pushf(&plan->warnings, "%s; scripts take the longer way, through the daemon", err_text(&e));
        return;
    }
    for (int role = 0; role < PLAN_ROLES; role++) {
        json_t *config = plan->of[role].config;
        json_t *host_config = json_object_get(config, "HostConfig");
        auto_free char *folder = direct_way_folder(h, plan->of[role].role);
        json_object_set_new(config, "Entrypoint", json_pack("[s]", ORDER_PROGRAM));
        json_object_del(config, "OpenStdin");
        add_mount(host_config, program, ORDER_PROGRAM, true);
        add_mount(host_config, folder, ORDER_FOLDER, false);
    }
}

void direct_way_add_image(struct plan *plan)
{
    json_t *config = plan->of[PLAN_BUILD].config;
    const char *text = json_text(json_object_get(config, "Labels"), LABEL_ENTRYPOINT);
    auto_json *words = NULL;

    if (direct_way_is_planned(plan) && *text && json_parse(text, strlen(text), "label " LABEL_ENTRYPOINT, &words, NULL) == 0)
        json_object_set(config, "Cmd", words);
}

static void remove_mounts(json_t *host_config)
{
    json_t *mounts = json_object_get(host_config, "Mounts");

    for (size_t i = json_array_size(mounts); i-- > 0;) {
        const char *target = json_text(json_array_get(mounts, i), "Target");
        if (strcmp(target, ORDER_PROGRAM) == 0 || strcmp(target, ORDER_FOLDER) == 0)
            json_array_remove(mounts, i);
    }
}

void direct_way_undo(struct plan *plan)
{
    for (int role = 0; role < PLAN_ROLES; role++) {
        json_t *config = plan->of[role].config;
        plan_wait_in_shell(config);
        remove_mounts(json_object_get(config, "HostConfig"));
    }
}

/* ---- The folders ---- */

/* Ours alone, whoever made it. */
static int make_private(const char *path, struct err *e)
{
    struct stat st;

    if (dir_make(path, 0700, e) < 0)
        return -1;
    if (lstat(path, &st) < 0 || !S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077) != 0)
        return err_set(e, ERR_SYSTEM, 0, "'%s' is not a folder that we alone may go into: remove it", path);
    return 0;
}

/* Whoever the container's first process is, it makes its socket there, whatever our umask is. */
static int make_open(const char *path, struct err *e)
{
    if (dir_make(path, 0777, e) < 0)
        return -1;
    return chmod(path, 01777) == 0 ? 0 : err_set(e, ERR_SYSTEM, errno, "chmod '%s': %s", path, strerror(errno));
}

int direct_way_make(const struct host *h, const struct plan *plan, struct err *e)
{
    auto_free char *roots = xasprintf("%s/" FOLDERS, h->config.builds);
    auto_free char *own = folder_of(&h->config, h->place.key);

    if (!direct_way_is_planned(plan))
        return 0;
    if (dir_make(h->config.builds, 0700, e) < 0 || make_private(roots, e) < 0 || dir_make(own, 0700, e) < 0)
        return err_wrap(e, "make the folder of the job's sockets");
    for (int role = 0; role < PLAN_ROLES; role++) {
        auto_free char *folder = direct_way_folder(h, plan->of[role].role);
        if (make_open(folder, e) < 0)
            return err_wrap(e, "make the folder of the job's sockets");
    }
    return 0;
}

/* ---- What stays behind ---- */

/* As a label may have it, which somebody else can write too. */
static bool is_key(const char *key)
{
    return *key && *key != '.' && !strchr(key, '/');
}

void direct_way_remove(const struct config *c, const char *key)
{
    auto_free char *folder = is_key(key) && c->builds ? folder_of(c, key) : NULL;

    if (folder)
        (void)dir_remove(folder, NULL);
}

void direct_way_list(const struct config *c, int64_t before, struct strvec *keys)
{
    auto_free char *roots = xasprintf("%s/" FOLDERS, c->builds);
    DIR *dir = opendir(roots);
    const struct dirent *entry;
    struct stat st;

    while (dir && (entry = readdir(dir)))
        if (is_key(entry->d_name) && fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISDIR(st.st_mode) && st.st_mtime <= before && !strvec_has(keys, entry->d_name))
            strvec_push(keys, entry->d_name);
    if (dir)
        (void)closedir(dir);
}
