/* stages/pipeline/job_stages.c: a job's sub-stages, in gitlab-runner's order, and what follows a failure. */
#include "stages/pipeline/job_state.h"

#include "base/clock.h"
#include "base/number.h"
#include "base/text.h"
#include "stages/pipeline/child.h"
#include "stages/pipeline/job_shell.h"
#include "stages/pipeline/period.h"
#include "stages/pipeline/pipeline.h"
#include "stages/pipeline/artifact_store.h"
#include "stages/pipeline/script.h"

#include <string.h>

/* RUNNER_AFTER_SCRIPT_TIMEOUT's default. */
#define AFTER_SCRIPT_TIMEOUT_MS ((int64_t)300 * 1000)

static bool is_late(const struct job_run *j)
{
    return j->deadline > 0 && clock_ms() >= j->deadline;
}

/* For a sub-stage that may take `own` milliseconds itself; 0: as long as it needs. */
static int64_t time_left(const struct job_run *j, int64_t own)
{
    int64_t left = j->deadline - clock_ms();

    if (j->deadline == 0)
        return own;
    if (left < 1)
        left = 1;
    return own > 0 && own < left ? own : left;
}

/* As when it is canceled, nothing more of the job runs: no after_script, and no artifacts. */
static enum hook_result time_out(struct job_run *j, struct err *e)
{
    char time[32];

    j->timed_out = true;
    (void)duration_format(j->job->timeout * 1000, time, sizeof(time));
    (void)err_set(e, ERR_JOB, 0, "execution took longer than %s (its `timeout`)", time);
    return HOOK_CANCELLED;
}

#define SHELL_ENV "/dev/shm/.atelier-shell"

static void begin(struct job_run *j, enum substage s)
{
    job_record_phase(&j->record, s == SUBSTAGE_STEPS || s == SUBSTAGE_AFTER_SCRIPT ? PHASE_RUNNING : PHASE_FILES,
                     substage_title(s));
    job_title(j, substage_title(s));
}

/* Takes the log. */
static void leave_out(struct job_run *j, enum substage s, char *log)
{
    auto_free char *text = log;

    if (!text)
        return;
    begin(j, s);
    job_show(j, text, strlen(text));
    job_show_end(j);
}

static enum hook_result run(struct job_run *j, enum substage s, int64_t timeout_ms, int *code, struct err *e)
{
    auto_free char *name = job_repository_name(j);
    auto_free char *artifacts = xasprintf("%s/" ARTIFACT_STORE, j->answer.cache_dir);
    auto_free char *pipeline = artifact_store_pipeline(j->world->facts->slot, j->world->facts->id);
    const struct script_source src = {
        .variables = &j->resolved,
        .shell = j->answer.shell ? j->answer.shell : "bash",
        .hostname = j->answer.hostname,
        .project_dir = j->project_dir,
        .files_dir = j->files_dir,
        .builds_dir = j->answer.builds_dir,
        .repository = name,
        .sha = j->world->facts->sha,
        .ref = j->world->facts->checkout->ref,
        .refspecs = &j->refspecs,
        .depth = j->depth,
        .has_snapshot = j->has_snapshot,
        .modules = j->world->source->takes_modules ? &j->world->source->modules : NULL,
        .pre_get_sources = &j->job->pre_get_sources,
        .script = j->world->only_files ? NULL : &j->job->script,
        .after_script = &j->job->after_script,
        .files = &j->files,
        .artifacts = artifacts,
        .pipeline = pipeline,
        .slot = j->world->facts->slot,
        .shell_env = SHELL_ENV,
    };
    if (!script_is_needed(&src, s)) {
        leave_out(j, s, script_unneeded_log(&src, s));
        return HOOK_DONE;
    }
    auto_free char *script = script_write(&src, s);

    begin(j, s);
    int64_t left_ms = time_left(j, timeout_ms);
    enum hook_result result = hook_call_run(&j->hook, &j->resolved, script, substage_name(s), left_ms, code, e);
    job_show_end(j);
    return result == HOOK_SYSTEM_FAILED && is_late(j) ? time_out(j, e) : result;
}

/* A variable of the runner's says how long a script may take: in milliseconds. */
static int64_t limit_of(struct job_run *j, const char *name, int64_t otherwise)
{
    const char *value = variables_value(&j->resolved, name);
    int64_t seconds = 0;

    if (!value)
        return otherwise;
    if (period_parse(value, &seconds) == 0 && seconds > 0)
        return seconds * 1000;
    auto_free char *shown = text_quote(value);
    job_say(j, STYLE_WARNING, "WARNING: %s is `%s`, which is no length of time: it has no effect", name, shown);
    return otherwise;
}

/* Its failure is a warning, unless AFTER_SCRIPT_IGNORE_ERRORS is false. */
static enum hook_result run_after_script(struct job_run *j, enum hook_result steps, int *code, struct err *e)
{
    auto_err own = ERR_INIT;
    int own_code = 0;

    j->status = j->canceled ? "canceled" : steps == HOOK_DONE ? "success" : "failed";
    (void)job_resolve(j, NULL); /* it went well before, with no other text in it */
    if (j->job->after_script.n == 0)
        return steps;
    int64_t limit = limit_of(j, "RUNNER_AFTER_SCRIPT_TIMEOUT", AFTER_SCRIPT_TIMEOUT_MS);
    enum hook_result result = run(j, SUBSTAGE_AFTER_SCRIPT, limit, &own_code, &own);
    if (result == HOOK_DONE)
        return steps;
    const char *ignore = variables_value(&j->resolved, "AFTER_SCRIPT_IGNORE_ERRORS");
    bool counts = result == HOOK_CANCELLED || (ignore && strcmp(ignore, "false") == 0);
    if (!counts)
        job_complain(j, STYLE_WARNING, "WARNING: after_script failed, but job will continue unaffected", &own);
    if (!counts || (steps != HOOK_DONE && result != HOOK_CANCELLED))
        return steps; /* the first failure is the one that counts */
    *code = own_code;
    (void)err_move(e, &own);
    return result;
}

/* ---- Files of other jobs, and for other jobs ---- */

static int plan_files(struct job_run *j, struct err *e)
{
    const struct job_world *w = j->world;
    const struct job_files_world where = {
        .source = w->source,
        .project_path = w->facts->checkout->remote.path,
        .project_dir = j->project_dir,
        .cache_dir = j->answer.cache_dir,
        .folder = j->left->folder,
        .left = w->left,
        .n_left = w->n_left,
        .outer = w->options->child ? w->options->child->outer : NULL,
    };

    return job_files_plan(j->job, &where, &j->resolved, &j->files, e);
}

static enum hook_result get_sources(struct job_run *j, int *code, struct err *e)
{
    return run(j, SUBSTAGE_GET_SOURCES, 0, code, e);
}

static enum hook_result restore_cache(struct job_run *j, int *code, struct err *e)
{
    return run(j, SUBSTAGE_RESTORE_CACHE, 0, code, e);
}

static enum hook_result take_artifacts(struct job_run *j, int *code, struct err *e)
{
    for (size_t i = 0; i < j->files.missing.n; i++) {
        auto_free char *name = text_quote(j->files.missing.items[i]);
        job_say(j, STYLE_WARNING, "WARNING: there are no artifacts of job '%s': it did not run in this pipeline", name);
    }
    return run(j, SUBSTAGE_DOWNLOAD, 0, code, e);
}

/* What comes before the job's own script. */
static enum hook_result get_files(struct job_run *j, int *code, struct err *e)
{
    static const struct {
        enum hook_result (*step)(struct job_run *j, int *code, struct err *e);
        const char *what;
    } steps[] = { { get_sources, "get sources" }, { restore_cache, "restore cache" }, { take_artifacts, "download artifacts" } };

    for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
        enum hook_result result = steps[i].step(j, code, e);
        if (result == HOOK_DONE)
            continue;
        if (result != HOOK_CANCELLED)
            (void)err_wrap(e, "%s", steps[i].what);
        return result;
    }
    return HOOK_DONE;
}

/* What the job leaves is looked at only when it is all there; its own failure comes first. */
static enum hook_result look_at_artifacts(struct job_run *j, int *code, struct err *e)
{
    if (job_left_read(j->left, &j->resolved, e) == 0)
        return HOOK_DONE;
    *code = 1;
    return e->kind == ERR_JOB ? HOOK_BUILD_FAILED : HOOK_SYSTEM_FAILED;
}

static enum hook_result save_cache(struct job_run *j, bool passed, int *code, struct err *e)
{
    return run(j, passed ? SUBSTAGE_SAVE_CACHE : SUBSTAGE_SAVE_CACHE_ON_FAILURE, 0, code, e);
}

static enum hook_result leave_artifacts(struct job_run *j, bool passed, int *code, struct err *e)
{
    enum hook_result result = run(j, passed ? SUBSTAGE_UPLOAD : SUBSTAGE_UPLOAD_ON_FAILURE, 0, code, e);

    return result == HOOK_DONE ? look_at_artifacts(j, code, e) : result;
}

static enum hook_result clean_up_files(struct job_run *j, bool passed, int *code, struct err *e)
{
    (void)passed;
    return run(j, SUBSTAGE_CLEANUP, 0, code, e);
}

/* What comes after it, whatever became of it. The first failure is the one that counts. */
static enum hook_result finish(struct job_run *j, enum hook_result result, int *code, struct err *e)
{
    static enum hook_result (*const steps[])(struct job_run *j, bool passed, int *code,
                                             struct err *e) = { save_cache, leave_artifacts, clean_up_files };
    bool passed = result == HOOK_DONE;

    for (size_t i = 0; i < ARRAY_SIZE(steps) && result != HOOK_CANCELLED; i++) {
        auto_err own = ERR_INIT;
        int own_code = 0;
        enum hook_result r = steps[i](j, passed, &own_code, &own);
        if (r == HOOK_DONE || (result != HOOK_DONE && r != HOOK_CANCELLED))
            continue;
        result = r;
        *code = own_code;
        (void)err_move(e, &own);
    }
    return result;
}

/* The person's time is not the job's. */
static void open_shell(struct job_run *j)
{
    auto_err e = ERR_INIT;
    int64_t start = clock_ms();
    int code = 0;

    if (!j->world->options->has_terminal)
        job_say(j, STYLE_WARNING, "--shell-on-failure: there is no shell without a terminal; see --keep");
    else if (run(j, SUBSTAGE_SHELL, 0, &code, &e) != HOOK_DONE || job_shell(j, SHELL_ENV, &e) < 0)
        job_complain(j, STYLE_WARNING, "There is no shell", &e);
    if (j->deadline > 0)
        j->deadline += clock_ms() - start;
}

/* The first Ctrl-C while the script runs is what `Cancel` is on a server: what is there after a failure follows, too
 * (contract 1.11). At any other time, and the second time, nothing more of the job runs. */
static enum hook_result run_steps(struct job_run *j, int *code, struct err *e)
{
    int64_t limit = limit_of(j, "RUNNER_SCRIPT_TIMEOUT", 0), start = clock_ms();
    enum hook_result result = run(j, SUBSTAGE_STEPS, limit, code, e);

    if (result == HOOK_SYSTEM_FAILED && limit > 0 && clock_ms() - start >= limit) {
        char time[32];
        (void)duration_format(limit, time, sizeof(time));
        err_release(e);
        (void)err_set(e, ERR_JOB, 0, "its script took longer than %s (RUNNER_SCRIPT_TIMEOUT)", time);
        *code = 1;
        return HOOK_BUILD_FAILED;
    }
    if (result != HOOK_CANCELLED || j->timed_out || !cancel_spend(j->world->driver->cancel))
        return result;
    j->canceled = true;
    return HOOK_BUILD_FAILED;
}

enum hook_result job_stages(struct job_run *j, int *code, struct err *e)
{
    if (plan_files(j, e) < 0)
        return HOOK_SYSTEM_FAILED;
    enum hook_result result = run(j, SUBSTAGE_PREPARE, 0, code, e);
    if (result != HOOK_DONE) {
        (void)err_wrap(e, "prepare environment");
        return result;
    }
    result = get_files(j, code, e);
    if (result == HOOK_DONE) {
        result = run_steps(j, code, e);
        if (result == HOOK_BUILD_FAILED && !j->canceled && j->world->options->shell_on_failure)
            open_shell(j);
        if (result != HOOK_CANCELLED)
            result = run_after_script(j, result, code, e);
    }
    result = finish(j, result, code, e);
    return j->canceled ? HOOK_CANCELLED : result;
}
