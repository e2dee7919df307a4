#include "executor/build_folder.h"

#include "base/text.h"
#include "engine/container.h"
#include "engine/exec.h"
#include "executor/role_container.h"
#include "stages/shell.h"

#include <inttypes.h>
#include <string.h>

/* Enough of what chown says to know why. */
#define SAID_BYTES 400

static int keep_first(void *ctx, enum stream_kind kind, const char *data, size_t len, struct err *e)
{
    struct strbuf *said = ctx;
    size_t room = said->max - said->len;

    (void)kind;
    (void)e;
    return strbuf_add(said, data, len < room ? len : room);
}

/* The helper's, ready for an exec: a job may have had a moment when nothing ran in it. */
static int find_helper(struct engine *d, const struct place *place, char **id, struct err *e)
{
    auto_json *found = NULL;

    if (role_container_find(d, place, "helper", &found, e) < 0)
        return -1;
    *id = json_text_any(found, "Id");
    if (strcmp(json_text(found, "State"), "running") == 0)
        return 0;
    return container_start(d, *id, e);
}

int build_folder_give(const struct engine *d, const struct place *place, const char *project, int64_t uid, int64_t gid,
                      const struct engine_watch *watch, struct err *e)
{
    auto_engine *second = NULL;
    auto_free char *helper = NULL;
    auto_strvec argv = STRVEC_INIT;
    auto_strbuf said = STRBUF_INIT(SAID_BYTES);
    const char *const words[] = { "sh", "-c", shell_giver, "atelier", place->builds_dir };
    const struct exec_spec spec = {
        .argv = &argv, .user = "0:0", .sink = keep_first, .sink_ctx = &said, .watch = watch
    };
    int code = 0;

    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        strvec_push(&argv, words[i]);
    strvec_pushf(&argv, "%" PRId64, uid);
    strvec_pushf(&argv, "%" PRId64, gid);
    strvec_push(&argv, project);
    if (engine_again(d, &second, e) < 0 || find_helper(second, place, &helper, e) < 0 ||
        exec_run(second, helper, &spec, &code, e) < 0)
        return err_wrap(e, "give the build folder to the user of the job's image");
    if (code == 0)
        return 0;
    auto_free char *shown = text_quote(strbuf_text(&said));
    return err_set(e, ERR_SYSTEM, code,
                   "the build folder '%s' cannot be given to user %" PRId64 ":%" PRId64 " of the job's image; its file "
                   "system must let the daemon's root change owners: %s", place->builds_dir, uid, gid, shown);
}
