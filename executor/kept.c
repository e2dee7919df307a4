#include "executor/kept.h"

#include "base/number.h"
#include "base/text.h"
#include "engine/volume.h"
#include "executor/job_remains.h"
#include "executor/kept_folder.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

/* "30 m", without duration_format()'s tenths and "00 s": one unit, as it was written. */
static char *length(int64_t ms)
{
    static const struct {
        int64_t ms;
        const char *unit;
    } units[] = { { 86400000, "d" }, { 3600000, "h" }, { 60000, "m" }, { 1000, "s" } };

    for (size_t i = 0; i < ARRAY_SIZE(units); i++)
        if (ms % units[i].ms == 0)
            return xasprintf("%lld%s", (long long)(ms / units[i].ms), units[i].unit);
    return xasprintf("%lldms", (long long)ms);
}

char *kept_date(int64_t expires)
{
    time_t at = (time_t)expires;
    struct tm local = { 0 };
    char text[32] = "?";

    if (localtime_r(&at, &local))
        (void)strftime(text, sizeof(text), "%Y-%m-%d %H:%M", &local);
    return xstrdup(text);
}

void kept_describe(const struct thing *t, struct strbuf *out)
{
    auto_free char *job = text_quote(t->job);
    auto_free char *project = text_quote(t->project);
    auto_free char *date = kept_date(t->expires);

    strbuf_printf(out, "Job %s of %s failed and is kept until %s: atelier shell %s\n", job, project, date, job);
}

/* Whose fault the end was is not told; that a prepare failed is (`running`), and
 * then there may be nothing to look at (contract 1.4). */
bool kept_is_failure(char *const *env)
{
    static const char *const failures[] = { "failed", "timedout", NULL };
    const char *status = env_get(env, "CUSTOM_ENV_CI_JOB_STATUS");

    return status && text_is_any(status, failures);
}

void kept_announce(const struct host *h, const struct invocation *in, const char *substage)
{
    char hostname[256] = "this host";
    bool of_user = text_starts(substage, "step_") || strcmp(substage, "build_script") == 0;

    if (h->config.keep_failed_ms <= 0 || !of_user)
        return;
    (void)gethostname(hostname, sizeof(hostname) - 1);
    auto_free char *time = length(h->config.keep_failed_ms);
    auto_free char *id = text_quote(h->job.id);
    auto_free char *config = in->config ? text_quote(in->config) : NULL;
    auto_free char *program = config ? xasprintf("atelier --config %s", config) : xstrdup("atelier");
    log_info(&in->log, "The containers are kept for %s: on %s, `%s shell %s`; they go with `%s gc --job %s --older-than 0s`", time,
             hostname, program, id, program, h->name);
}

static int remove_job(struct engine *d, const char *key, struct err *e)
{
    auto_strvec labels = STRVEC_INIT;
    size_t found;

    strvec_pushf(&labels, LABEL_JOB "=%s", key);
    return thing_remove_labelled(d, &labels, THING_KINDS, &found, e);
}

/* What of it is in the builds folder. gc says what stays behind. */
static void remove_folders(const struct config *c, const char *key)
{
    job_remains_remove(c, key);
    (void)kept_folder_remove(c, key, NULL);
}

/* Look through the kept jobs: is this one among them? Those whose time is over go. */
static int look_through(const struct host *h, struct engine *d, int64_t now, bool *kept, struct err *e)
{
    auto_strvec labels = STRVEC_INIT;
    auto_json *list = NULL;
    size_t i;
    json_t *item;
    int rc = 0;

    strvec_push(&labels, LABEL_ROLE "=" KEPT_ROLE);
    if (volume_list(d, &labels, &list, e) < 0)
        return -1;
    json_array_foreach(list, i, item) {
        const json_t *bears = json_object_get(item, "Labels");
        const char *key = json_text(bears, LABEL_JOB);
        auto_err problem = ERR_INIT;
        if (json_number(bears, LABEL_EXPIRES, 0) > now)
            *kept = *kept || strcmp(key, h->place.key) == 0;
        else if (*key && remove_job(d, key, &problem) < 0)
            rc = err_move(e, &problem);
        else
            remove_folders(&h->config, key);
    }
    return rc;
}

/* Only a job that has a container can be looked at. */
static int keep(const struct host *h, struct engine *d, int64_t now, char *const *env, bool *kept, struct err *e)
{
    int64_t expires = now + (h->config.keep_failed_ms + 999) / 1000;
    auto_strvec labels = STRVEC_INIT;
    auto_json *list = NULL;

    place_filter(&h->place, &labels);
    strvec_push(&labels, LABEL_ROLE "=build");
    if (thing_list(d, THING_CONTAINER, &labels, &list, e) < 0)
        return -1;
    if (json_array_size(list) == 0)
        return 0;
    auto_free char *name = place_name(&h->place, KEPT_ROLE);
    auto_json *bears = place_labels(&h->job, &h->place, KEPT_ROLE, expires);
    if (volume_create(d, name, bears, e) < 0)
        return -1;
    *kept = true;
    return kept_folder_take(h, env, e);
}

bool kept_settle(const struct host *h, const struct invocation *in, struct engine *d)
{
    int64_t now = (int64_t)time(NULL);
    bool kept = false;
    auto_err late = ERR_INIT, e = ERR_INIT;

    if (h->config.keep_failed_ms <= 0)
        return false;
    if (look_through(h, d, now, &kept, &late) < 0)
        log_warning(&in->log, "failed jobs that were kept long enough: %s", err_text(&late));
    if (!kept && kept_is_failure(in->env) && keep(h, d, now, in->env, &kept, &e) < 0)
        log_warning(&in->log, "keep failed job %s: %s", h->name, err_text(&e));
    return kept;
}
