#include "stages/pipeline/listing.h"

#include "base/json.h"
#include "base/text.h"
#include "stages/pipeline/job_image.h"

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

static bool any_environment(const struct listing *l)
{
    for (size_t i = 0; i < l->n; i++)
        if (l->jobs[i]->environment.name || (l->children[i] && any_environment(l->children[i])))
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

static const char *const heading[] = { "JOB", "STAGE", "WHEN", "MAY FAIL", "NEEDS", "IMAGE", "ENVIRONMENT" };

/* A cell for each of the columns. */
static void add_rows(const struct listing *l, size_t columns, struct strvec *cells)
{
    for (size_t i = 0; i < l->n; i++) {
        const struct ci_job *job = l->jobs[i];
        auto_free char *name = xasprintf("%s%s", l->prefix, job->name);
        auto_free char *image = job_image(l->project, job);
        char *needed = needs_of(job);
        strvec_give(cells, text_quote(name));
        strvec_push(cells, l->project->file.stages.items[job->stage]);
        strvec_push(cells, ci_when_name(job->when));
        strvec_push(cells, job->allow_failure ? "yes" : "no");
        strvec_give(cells, needed ? needed : xstrdup("-"));
        strvec_give(cells, image ? text_quote(image) : xstrdup(""));
        if (columns > 6)
            strvec_give(cells, environment_of(&job->environment));
        if (l->children[i])
            add_rows(l->children[i], columns, cells);
    }
}

void listing_table(struct report *r, const struct listing *l)
{
    size_t columns = ARRAY_SIZE(heading) - !any_environment(l);
    auto_strvec cells = STRVEC_INIT;

    for (size_t i = 0; i < columns; i++)
        strvec_push(&cells, heading[i]);
    add_rows(l, columns, &cells);
    size_t rows = cells.n / columns;
    auto_free enum report_style *styles = xcalloc(rows, sizeof(*styles));
    styles[0] = STYLE_BOLD;
    report_table(r, (const char *const *)cells.items, styles, rows, columns);
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

static json_t *jobs_json(const struct listing *l)
{
    json_t *list = json_array();

    for (size_t i = 0; i < l->n; i++) {
        const struct ci_job *job = l->jobs[i];
        auto_free char *image = job_image(l->project, job);
        (void)json_array_append_new(
            list, json_pack("{s:s s:s s:s s:b s:o s:s? s:o s:o}", "name", job->name, "stage",
                            l->project->file.stages.items[job->stage], "when", ci_when_name(job->when), "allow_failure",
                            job->allow_failure, "needs", needs_json(job), "image", image, "environment",
                            environment_json(&job->environment), "child",
                            l->children[i] ? jobs_json(l->children[i]) : json_null()));
    }
    return list;
}

char *listing_json(const struct listing *l)
{
    auto_json *list = jobs_json(l);
    auto_free char *text = json_compact(list);

    return xasprintf("%s\n", text);
}
