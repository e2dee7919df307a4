#include "stages/pipeline/child.h"

#include "base/text.h"
#include "stages/pipeline/artifact_store.h"
#include "stages/pipeline/event.h"
#include "stages/pipeline/pipeline.h"

#include <string.h>

#define FILE_MAX  ((size_t)2 << 20)
/* How the store calls the file that a generating job has made. */
#define GENERATED      "child"
#define GENERATED_FILE "child.yml"

/* ---- Its file ---- */

/* What the trigger includes, as a file that includes it. */
static char *including(const struct ci_trigger *t)
{
    size_t budget = 10000;
    struct yaml root = { .type = YAML_MAP };
    struct yaml *include = yaml_copy(t->include, &budget);

    if (!include)
        return xstrdup("");
    free(include->key);
    include->key = xstrdup("include");
    yaml_append(&root, include);
    char *text = yaml_write(&root);
    yaml_tree_free(include);
    free(root.items);
    return text;
}

void child_file(const struct ci_job *job, char **name, char **text)
{
    auto_free char *shown = text_quote(job->name);

    *name = xasprintf("`trigger` of job `%s`", shown);
    *text = including(&job->trigger);
}

/* A job of our own in its place: no sources, the artifacts of the job that generated the file, and that file as its own
 * artifact. So the helper unpacks it, in a container, and this side reads one file of a known name. */
static int fetch(struct job_run *j, const char *path, char **text, size_t *len, struct err *e)
{
    static const struct report_kind kind = { GENERATED, GENERATED_FILE, "raw" };
    struct ci_job job = *j->job;
    auto_strvec paths = STRVEC_INIT, dependencies = STRVEC_INIT;
    auto_variables variables = VARIABLES_INIT;
    struct ci_report report = { .kind = &kind };
    struct job_world world = *j->world;
    struct job_left left = { 0 };
    struct job_outcome outcome = { .code = -1 };

    strvec_push(&paths, path);
    strvec_push(&dependencies, j->job->trigger.generator);
    variables_append(&variables, &j->job->variables);
    variables_add(&variables, "GIT_STRATEGY", "none", VARIABLE_PUBLIC);
    report.paths = paths;
    job.trigger = (struct ci_trigger){ .given = false };
    job.script = job.after_script = (struct strvec)STRVEC_INIT;
    job.variables = variables;
    job.has_dependencies = true;
    job.dependencies = dependencies;
    job.artifacts = (struct ci_artifacts){ .reports = &report, .n_reports = 1 };
    world.record = NULL;
    world.only_files = true;
    job_run(&world, &job, j->id, &left, &outcome);
    auto_free char *reason = outcome.reason;
    auto_free char *file = xasprintf("%s/" GENERATED "/" GENERATED_FILE, left.folder ? left.folder : "");
    auto_err problem = ERR_INIT;
    int rc = outcome.state == JOB_PASSED ? artifact_store_read(left.root, file, FILE_MAX, text, len, &problem) : -1;
    job_left_release(&left);
    if (rc == 0)
        return 0;
    auto_free char *shown = text_quote(path);
    auto_free char *generator = text_quote(j->job->trigger.generator);
    return err_set(e, outcome.state == JOB_CANCELED ? ERR_CANCELLED : ERR_JOB, 0,
                   "the child pipeline's file '%s' is not among the artifacts of job '%s'%s%s", shown, generator,
                   reason ? ": " : "", reason ? reason : "");
}

static int read_file(struct job_run *j, char **name, char **text, size_t *len, struct err *e)
{
    const struct ci_trigger *t = &j->job->trigger;
    auto_free char *path = NULL;

    if (!t->artifact) {
        child_file(j->job, name, text);
        *len = strlen(*text);
        return 0;
    }
    if (variables_expand(&j->resolved, t->artifact, &path, e) < 0 || fetch(j, path, text, len, e) < 0)
        return -1;
    *name = text_quote(path);
    return 0;
}

/* ---- Its variables ---- */

void child_forward(const struct ci_file *f, const struct ci_job *job, const struct variables *resolved,
                   const struct variables *outer, struct variables *out)
{
    auto_variables written = VARIABLES_INIT;

    if (job->trigger.forwards_pipeline && outer)
        variables_append(out, outer);
    ci_job_globals(f, job, &written);
    variables_append(&written, &job->variables);
    for (size_t i = 0; job->trigger.forwards_yaml && i < written.n; i++) {
        const struct variable *v = variables_find(resolved, written.items[i].key);
        if (v)
            variables_add(out, v->key, v->value, v->flags | VARIABLE_RAW);
    }
}

/* ---- The whole ---- */

static int run(struct job_run *j, struct pipeline_child *child, struct err *e)
{
    struct pipeline_options options = *j->world->options;

    options.jobs = options.manual = NULL;
    options.stage = NULL;
    options.needs = false;
    options.timeline = NULL;
    options.event = EVENT_PARENT_PIPELINE;
    options.child = child;
    return pipeline_run(&options, e);
}

static enum hook_result judge(struct job_run *j, int status, int *code, struct err *e)
{
    if (status > 1) {
        (void)err_set(e, ERR_CANCELLED, 0, "canceled");
        return HOOK_CANCELLED;
    }
    if (status == 0)
        return HOOK_DONE;
    if (status == 1 && !j->job->trigger.waits) {
        job_say(j, STYLE_WARNING, "The child pipeline failed, which does not count without `strategy: depend`");
        return HOOK_DONE;
    }
    *code = 1;
    if (status == 1)
        (void)err_set(e, ERR_JOB, 0, "the child pipeline failed");
    else if (e->kind != ERR_CANCELLED)
        (void)err_wrap(e, "child pipeline");
    return status < 0 && e->kind == ERR_CANCELLED ? HOOK_CANCELLED : HOOK_BUILD_FAILED;
}

enum hook_result child_run(struct job_run *j, int *code, struct err *e)
{
    const struct pipeline_child *own = j->world->options->child;
    auto_free char *prefix = xasprintf("%s%s/", own ? own->prefix : "", j->job->name);
    auto_free char *place = record_place(j->world->record, j->world->file, j->job);
    auto_free char *inner = xasprintf("%s.", place);
    struct record record = { j->world->record ? j->world->record->dir : NULL, prefix, inner };
    auto_free char *name = NULL;
    auto_free char *text = NULL;
    auto_variables forwarded = VARIABLES_INIT;
    const struct job_files_outer outer = { j->world->facts->id, j->world->left, j->world->n_left, own ? own->outer : NULL };
    struct pipeline_child child = {
        .outer = &outer, .inputs = j->job->trigger.inputs, .prefix = prefix, .depth = own ? own->depth + 1 : 1, .forwarded = &forwarded,
        .record = &record, .cancel = j->world->driver->cancel,
        .rows = &j->left->rows,
    };

    job_record_phase(&j->record, PHASE_RUNNING, "Child pipeline");
    if (!j->job->trigger.include) {
        job_say(j, STYLE_WARNING, "Another project's pipeline is not run here");
        return HOOK_DONE;
    }
    if (child.depth > CHILD_DEPTH_MAX) {
        (void)err_set(e, ERR_JOB, 0, "child pipelines go %zu levels deep, and no deeper", CHILD_DEPTH_MAX);
        return judge(j, -1, code, e);
    }
    if (read_file(j, &name, &text, &child.len, e) < 0)
        return judge(j, -1, code, e);
    child.name = name;
    child.text = text;
    child_forward(j->world->file, j->job, &j->resolved, own ? own->forwarded : NULL, &forwarded);
    return judge(j, run(j, &child, e), code, e);
}
