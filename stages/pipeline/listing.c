#include "stages/pipeline/listing.h"

#include "base/json.h"
#include "base/text.h"

#include <string.h>

/* "a, b", "nothing", or NULL for a job that waits for the stages before it. The caller's. */
static char *needs_of(const struct ci_job *job)
{
    auto_strvec names = STRVEC_INIT;

    if (!job->by_needs)
        return NULL;
    for (size_t i = 0; i < job->n_needed; i++)
        strvec_give(&names, text_quote(job->needed[i].job->name));
    return names.n > 0 ? strvec_join(&names, ", ") : xstrdup("nothing");
}

static bool any_environment(const struct ci_job *const *jobs, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (jobs[i]->environment.name)
            return true;
    return false;
}

/* "review/$CI_COMMIT_REF_SLUG (stop)": what it is to it, unless it starts it. The caller's. */
static char *environment_of(const struct ci_environment *env)
{
    auto_free char *name = text_quote(env->name ? env->name : "-");
    auto_free char *action = text_quote(env->action ? env->action : "start");

    return strcmp(action, "start") == 0 ? xstrdup(name) : xasprintf("%s (%s)", name, action);
}

void listing_table(struct report *r, const struct ci_file *f, const struct ci_job *const *jobs, size_t n)
{
    static const char *const heading[] = { "JOB", "STAGE", "WHEN", "MAY FAIL", "NEEDS", "IMAGE", "ENVIRONMENT" };
    size_t columns = ARRAY_SIZE(heading) - !any_environment(jobs, n);
    auto_strvec names = STRVEC_INIT;
    auto_strvec environments = STRVEC_INIT;
    auto_strvec needs = STRVEC_INIT;
    auto_free const char **cells = xcalloc((n + 1) * columns, sizeof(*cells));
    auto_free enum report_style *styles = xcalloc(n + 1, sizeof(*styles));

    memcpy(cells, heading, columns * sizeof(*heading));
    styles[0] = STYLE_BOLD;
    for (size_t i = 0; i < n; i++) {
        const struct ci_job *job = jobs[i];
        const char **row = cells + (i + 1) * columns;
        char *needed = needs_of(job);
        strvec_give(&names, text_quote(job->name));
        strvec_give(&needs, needed ? needed : xstrdup("-"));
        row[0] = names.items[i];
        row[1] = f->stages.items[job->stage];
        row[2] = ci_when_name(job->when);
        row[3] = job->allow_failure ? "yes" : "no";
        row[4] = needs.items[i];
        row[5] = job->image.name;
        strvec_give(&environments, environment_of(&job->environment));
        if (columns > 6)
            row[6] = environments.items[i];
    }
    report_table(r, cells, styles, n + 1, columns);
}

static json_t *needs_json(const struct ci_job *job)
{
    if (!job->by_needs)
        return json_null();
    json_t *list = json_array();
    for (size_t i = 0; i < job->n_needed; i++)
        (void)json_array_append_new(list, json_pack("{s:s s:b}", "job", job->needed[i].job->name, "artifacts",
                                                    job->needed[i].artifacts));
    return list;
}

static json_t *environment_json(const struct ci_environment *env)
{
    if (!env->name)
        return json_null();
    return json_pack("{s:s s:s s:s?}", "name", env->name, "action", env->action ? env->action : "start", "on_stop",
                     env->on_stop);
}

char *listing_json(const struct ci_file *f, const struct ci_job *const *jobs, size_t n)
{
    auto_json *list = json_array();

    for (size_t i = 0; i < n; i++) {
        const struct ci_job *job = jobs[i];
        (void)json_array_append_new(
            list, json_pack("{s:s s:s s:s s:b s:o s:s? s:o}", "name", job->name, "stage", f->stages.items[job->stage], "when",
                            ci_when_name(job->when), "allow_failure", job->allow_failure, "needs", needs_json(job),
                            "image", job->image.name, "environment", environment_json(&job->environment)));
    }
    auto_free char *text = json_compact(list);
    return xasprintf("%s\n", text);
}
