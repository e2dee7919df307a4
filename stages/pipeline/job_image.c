#include "stages/pipeline/job_image.h"

#include "base/text.h"
#include "stages/pipeline/job_files.h"
#include "stages/pipeline/percent.h"
#include "stages/pipeline/predefined.h"

#include <string.h>

/* Made anew when the pipeline runs. */
static const char *const of_a_run[] = { "CI_PIPELINE_IID", "CI_PIPELINE_CREATED_AT", NULL };
/* The same, unless it is a commit that runs: work that is not committed gets one of its own. */
static const char *const of_a_commit[] = { "CI_COMMIT_SHA", "CI_COMMIT_SHORT_SHA", NULL };

static void add_known(const struct project *p, struct variables *out)
{
    bool has_commit = p->checkout.sources == SOURCES_COMMIT;

    for (size_t i = 0; i < p->server.n; i++) {
        const struct variable *v = &p->server.items[i];
        if (!text_is_any(v->key, of_a_run) && (has_commit || !text_is_any(v->key, of_a_commit)))
            variables_add(out, v->key, v->value, v->flags);
    }
}

/* Then what the file says of a variable need not be what the job gets. */
static bool has_reports_before(const struct ci_file *f, const struct ci_job *job)
{
    for (size_t i = 0; i < f->n_order; i++)
        if (job_files_sets_variables(f->order[i]) && job_files_depends_on(job, f->order[i]))
            return true;
    return false;
}

/* Its name may have variables in it that are not known. */
static void add_environment(const struct ci_environment *env, const struct variables *others, struct variables *out)
{
    auto_free char *name = NULL;

    if (env->name && variables_expand_known(others, env->name, &name, NULL) == 0)
        (void)predefined_environment(env, others, out, NULL);
}

/* As in a run (stages/pipeline/job_run.c). */
static void collect(const struct project *p, const struct ci_job *job, struct variables *out)
{
    auto_variables written = VARIABLES_INIT;
    auto_variables all = VARIABLES_INIT;
    auto_variables environment = VARIABLES_INIT;

    if (!has_reports_before(&p->file, job)) {
        ci_job_globals(&p->file, job, &written);
        variables_append(&written, &job->variables);
    }
    add_known(p, out);
    predefined_job_known(job, p->file.stages.items[job->stage], out);
    if (variables_find(&written, "CI_REGISTRY") || variables_find(&p->variables, "CI_REGISTRY"))
        predefined_registry(&p->checkout, out);
    variables_append(&all, out);
    variables_append(&all, &written);
    variables_append(&all, &p->variables);
    add_environment(&job->environment, &all, &environment);
    variables_append(out, &environment);
    variables_append(out, &written);
    scoped_variables_add(&p->kept, variables_value(&environment, "CI_ENVIRONMENT_NAME"), &p->variables, p->n_kept, out);
    percent_values(out);
}

char *job_image(const struct project *p, const struct ci_job *job)
{
    const char *written = job->trigger.given ? NULL : job->image.name;
    auto_variables known = VARIABLES_INIT;
    char *image = NULL;

    if (!written || !strchr(written, '$'))
        return xstrdup(written);
    collect(p, job, &known);
    bool is_known = variables_expand_known(&known, written, &image, NULL) == 0;
    auto_free char *expanded = image;
    return is_known ? text_as_utf8(expanded) : xstrdup(written);
}
