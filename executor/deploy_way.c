#include "executor/deploy_way.h"

#include "base/file.h"
#include "base/text.h"
#include "executor/job_folder.h"
#include "executor/program.h"
#include "stages/deploy/hands.h"
#include "stages/deploy/wire.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define FOLDERS     ".deploy" /* beside the runners', whose names have no dot */
#define PROGRAM_MAX ((size_t)16 << 20)

enum deploy_way deploy_way(const struct host *h, const struct invocation *in)
{
    if (!*h->job.environment || h->config.targets.n == 0)
        return DEPLOY_NOT;
    if (!targets_allow(&h->config.targets, &h->job))
        return DEPLOY_REFUSED;
    return host_is_shared(h, in) ? DEPLOY_SOCKET : DEPLOY_RELAY;
}

char *deploy_way_folder(const struct host *h)
{
    return job_folder(&h->config, FOLDERS, h->place.key);
}

bool deploy_way_is(const struct host *h, const char *text)
{
    auto_free char *folder = deploy_way_folder(h);

    return strstr(text, folder) || text_ends(text, DEPLOY_PROGRAM);
}

static void add_mount(struct plan *plan, const char *source, const char *target)
{
    plan_add_mount(json_object_get(plan->of[PLAN_BUILD].config, "HostConfig"), source, target, true);
}

static char *find_program(const struct invocation *in, struct err *e)
{
    static const char *const built[] = { "../stages/deploy/" DEPLOY_PROGRAM, NULL };

    return program_find(in->program, DEPLOY_PROGRAM, built, e);
}

void deploy_way_plan(const struct host *h, const struct invocation *in, struct plan *plan)
{
    enum deploy_way way = deploy_way(h, in);
    auto_free char *folder = deploy_way_folder(h);
    auto_free char *program = NULL;
    auto_err e = ERR_INIT;

    if (way == DEPLOY_NOT)
        return;
    program = find_program(in, &e);
    if (!program)
        strvec_push(&plan->warnings, err_text(&e));
    else if (host_is_shared(h, in))
        add_mount(plan, program, DEPLOY_PROGRAM_AT);
    if (way == DEPLOY_SOCKET)
        add_mount(plan, folder, WIRE_FOLDER);
}

int deploy_way_make(const struct host *h, const struct invocation *in, struct err *e)
{
    auto_free char *folder = deploy_way_folder(h);

    if (deploy_way(h, in) != DEPLOY_SOCKET)
        return 0;
    if (job_folder_make_root(&h->config, FOLDERS, e) < 0 || dir_make(folder, 0711, e) < 0)
        return err_wrap(e, "make the folder of the job's " DEPLOY_PROGRAM);
    /* Every user of the container may knock, whatever our umask is. */
    if (chmod(folder, 0711) < 0)
        return err_set(e, ERR_SYSTEM, errno, "chmod '%s': %s", folder, strerror(errno));
    return 0;
}

/* A job that finds the folder knows that somebody will listen there. */
static int put(struct engine *d, const char *container, const char *program, bool folder, struct err *e)
{
    auto_free char *data = NULL;
    size_t len = 0;

    if (file_read(program, PROGRAM_MAX, &data, &len, e) < 0)
        return -1;
    const struct hands_entry entries[] = { { .name = &DEPLOY_PROGRAM_AT[1], .data = data, .len = len, .mode = 0755 },
                                           { .name = &WIRE_PARENT[1], .mode = 0755 },
                                           { .name = &WIRE_FOLDER[1], .mode = 0755 } };
    return hands_put_all(d, container, "/", entries, folder ? ARRAY_SIZE(entries) : 1, e);
}

void deploy_way_put(const struct host *h, const struct invocation *in, struct engine *d, const char *container)
{
    enum deploy_way way = deploy_way(h, in);
    auto_free char *program = NULL;
    auto_err e = ERR_INIT;

    if (way == DEPLOY_NOT || host_is_shared(h, in))
        return;
    program = find_program(in, NULL); /* the plan has warned that there is none */
    if (program && put(d, container, program, way == DEPLOY_RELAY, &e) < 0)
        log_warning(&in->log, DEPLOY_PROGRAM " cannot be put into the job's container, whose root must not be read-only for "
                    "that; this job can deploy only if its image has it: %s", err_text(&e));
}

/* ---- What stays behind ---- */

void deploy_way_remove(const struct config *c, const char *key)
{
    if (c->targets.n > 0)
        (void)job_folder_remove(c, FOLDERS, key, NULL);
}

void deploy_way_list(const struct config *c, int64_t before, struct strvec *keys)
{
    job_folder_list(c, FOLDERS, S_IFDIR, before, keys);
}
