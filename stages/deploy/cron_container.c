#include "stages/deploy/cron_container.h"

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "engine/container.h"
#include "stages/deploy/container_body.h"
#include "stages/deploy/cron_schedule.h"
#include "stages/deploy/hands.h"

#include <string.h>

#define PROGRAM     "atelier-cron"
#define PROGRAM_MAX ((size_t)64 << 20)
#define FOLDER      "/.atelier"
#define VOLUME      "atelier-cron"

/* An ENTRYPOINT that is a shell itself reads a second one's name as a script's. */
static bool ends_with_bash(const struct strvec *words)
{
    const char *last = words->n ? words->items[words->n - 1] : "";
    const char *slash = strrchr(last, '/');

    return strcmp(slash ? slash + 1 : last, "bash") == 0;
}

int cron_container_fill(const struct compose_service *s, const json_t *image, json_t *body, struct err *e)
{
    const char *schedule = strvec_env(&s->labels, CRON_SCHEDULE);
    auto_strvec words = STRVEC_INIT, entrypoint = STRVEC_INIT;
    struct cron_schedule parsed;

    if (cron_parse(schedule, &parsed, e) < 0)
        return err_wrap(e, "service '%s': label " CRON_SCHEDULE, s->name);
    if (s->entrypoint_given)
        strvec_push_all(&entrypoint, &s->entrypoint);
    else
        json_list(json_object_get(image, "Config"), "Entrypoint", &entrypoint);
    strvec_push(&words, schedule);
    strvec_push(&words, "--");
    strvec_push_all(&words, &entrypoint);
    if (!ends_with_bash(&entrypoint))
        strvec_push(&words, "bash");
    strvec_push(&words, "-c");
    strvec_push(&words, strvec_env(&s->labels, CRON_COMMAND));
    (void)json_object_set_new(body, "Entrypoint", json_pack("[s]", FOLDER "/" PROGRAM));
    (void)json_object_set_new(body, "Cmd", json_strings(&words));
    json_t *mounts = json_at(body, "HostConfig", "Mounts");
    (void)json_array_append_new(mounts, json_pack("{s:s, s:s, s:s, s:b}", "Type", "volume", "Source", VOLUME, "Target",
                                                  FOLDER, "ReadOnly", 1));
    return 0;
}

/* Always anew, so that one that was killed in the middle does no harm: the daemon makes a file of its own, and who runs
 * the old one goes on with that. */
int cron_container_prepare(const struct deploy_context *c, const char *image, struct err *e)
{
    const struct hands hands = { c->engine, c->who->unit, image, "volume", VOLUME };
    auto_free char *program = NULL;
    auto_free char *id = NULL;
    size_t len = 0;

    if (!c->cron_program)
        return err_set(e, ERR_CONFIG, 0, "this host has no " PROGRAM " for the target's cron jobs; install it beside atelier");
    if (file_read(c->cron_program, PROGRAM_MAX, &program, &len, e) < 0)
        return err_wrap(e, "cron jobs need " PROGRAM);
    const struct hands_entry entry = { PROGRAM, program, len, 0755, 0 };
    if (hands_open(&hands, &id, e) < 0)
        return err_wrap(e, "bring " PROGRAM " to the target");
    int rc = hands_put(c->engine, id, HANDS_PLACE, &entry, e);
    (void)container_remove(c->engine, id, NULL);
    return rc < 0 ? err_wrap(e, "bring " PROGRAM " to the target") : 0;
}
