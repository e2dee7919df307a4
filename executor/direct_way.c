#include "executor/direct_way.h"

#include "base/file.h"
#include "base/text.h"
#include "executor/init/order.h"
#include "executor/job_folder.h"
#include "executor/program.h"
#include "stages/shell.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define PROGRAM SHELL_INIT
#define FOLDERS ".direct" /* beside the runners', whose names have no dot */

bool direct_way_is_possible(const struct host *h, const struct invocation *in)
{
    return h->config.direct && host_is_shared(h, in);
}

char *direct_way_folder(const struct host *h, const char *role)
{
    auto_free char *folder = job_folder(&h->config, FOLDERS, h->place.key);

    return xasprintf("%s/%s", folder, role);
}

bool direct_way_is_unseen(const struct host *h, const char *text)
{
    auto_free char *folder = job_folder(&h->config, FOLDERS, h->place.key);

    return strstr(text, "bind source path does not exist") && (strstr(text, folder) || text_ends(text, "/" PROGRAM));
}

/* ---- The plan ---- */

bool direct_way_is_planned(const struct plan *plan)
{
    const json_t *entrypoint = json_object_get(plan->of[PLAN_BUILD].config, "Entrypoint");

    return strcmp(json_string_value(json_array_get(entrypoint, 0)), ORDER_PROGRAM) == 0;
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
        plan_add_mount(host_config, program, ORDER_PROGRAM, true);
        plan_add_mount(host_config, folder, ORDER_FOLDER, false);
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

/* Whoever the container's first process is, it makes its socket there, whatever our umask is. */
static int make_open(const char *path, struct err *e)
{
    if (dir_make(path, 0777, e) < 0)
        return -1;
    return chmod(path, 01777) == 0 ? 0 : err_set(e, ERR_SYSTEM, errno, "chmod '%s': %s", path, strerror(errno));
}

int direct_way_make(const struct host *h, const struct plan *plan, struct err *e)
{
    auto_free char *own = job_folder(&h->config, FOLDERS, h->place.key);

    if (!direct_way_is_planned(plan))
        return 0;
    if (job_folder_make_root(&h->config, FOLDERS, e) < 0 || dir_make(own, 0700, e) < 0)
        return err_wrap(e, "make the folder of the job's sockets");
    for (int role = 0; role < PLAN_ROLES; role++) {
        auto_free char *folder = direct_way_folder(h, plan->of[role].role);
        if (make_open(folder, e) < 0)
            return err_wrap(e, "make the folder of the job's sockets");
    }
    return 0;
}

void direct_way_warn(const struct log *log, const char *folder)
{
    log_warning(log, "the job's container does not answer on its socket in '%s': scripts take the longer way, through the "
                "daemon (direct: off says so)", folder);
}

/* ---- What stays behind ---- */

void direct_way_remove(const struct config *c, const char *key)
{
    (void)job_folder_remove(c, FOLDERS, key, NULL);
}

void direct_way_list(const struct config *c, int64_t before, struct strvec *keys)
{
    job_folder_list(c, FOLDERS, S_IFDIR, before, keys);
}
