#include "stages/pipeline/job_state.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/number.h"
#include "base/text.h"
#include "stages/pipeline/artifact_store.h"
#include "stages/pipeline/child.h"
#include "stages/pipeline/percent.h"
#include "stages/pipeline/response.h"
#include "stages/pipeline/script_modules.h"
#include "stages/pipeline/script_snapshot.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

/* gitlab-runner's: how often it tries to prepare, and how long it waits between (contract 1.9). */
#define PREPARE_TRIES    3
#define PREPARE_PAUSE_MS 3000
/* What GitLab fetches for a new project, and the most that makes a difference. */
#define DEPTH_DEFAULT 20
#define DEPTH_MAX     1000000

/* Where the job stands. */
enum verdict { VERDICT_PASSED, VERDICT_SCRIPT_FAILED, VERDICT_SYSTEM_FAILED, VERDICT_TIMED_OUT, VERDICT_CANCELED };

static enum verdict verdict_of(enum hook_result r)
{
    static const enum verdict verdicts[] = {
        [HOOK_DONE] = VERDICT_PASSED,
        [HOOK_BUILD_FAILED] = VERDICT_SCRIPT_FAILED,
        [HOOK_SYSTEM_FAILED] = VERDICT_SYSTEM_FAILED,
        [HOOK_CANCELLED] = VERDICT_CANCELED,
    };
    return verdicts[r];
}

/* ---- Output ---- */

void job_show(void *ctx, const char *data, size_t len)
{
    struct job_run *j = ctx;
    auto_strbuf shown = STRBUF_TEXT;

    mask_feed(&j->mask, data, len, &shown);
    coverage_feed(&j->coverage, strbuf_text(&shown), shown.len);
    report_output(j->world->report, strbuf_text(&shown), shown.len);
    job_record_log(&j->record, strbuf_text(&shown), shown.len);
}

void job_show_end(struct job_run *j)
{
    auto_strbuf shown = STRBUF_TEXT;

    mask_flush(&j->mask, &shown);
    coverage_feed(&j->coverage, strbuf_text(&shown), shown.len);
    report_output(j->world->report, strbuf_text(&shown), shown.len);
    job_record_log(&j->record, strbuf_text(&shown), shown.len);
    report_output_end(j->world->report);
}

void job_title(struct job_run *j, const char *text)
{
    report_line(j->world->report, STYLE_TITLE, "  %s", text);
    job_record_line(&j->record, report_style(STYLE_TITLE), text);
}

void job_say(struct job_run *j, enum report_style style, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    auto_free char *text = xvasprintf(fmt, args);
    va_end(args);
    report_line(j->world->report, style, "    %s", text);
    job_record_line(&j->record, report_style(style), text);
}

void job_complain(struct job_run *j, enum report_style style, const char *what, const struct err *e)
{
    auto_free char *masked = mask_text(&j->mask, err_text(e));
    job_say(j, style, "%s: %s", what, masked);
}

/* ---- Variables ---- */

/* GitLab's precedence: what is predefined, then the file's, the job's, those of earlier jobs, the project's. */
static int collect(struct job_run *j, struct err *e)
{
    const struct job_world *w = j->world;
    const char *stage = w->file->stages.items[j->job->stage];
    auto_variables written = VARIABLES_INIT;
    auto_variables all = VARIABLES_INIT;
    auto_variables environment = VARIABLES_INIT;

    ci_job_globals(w->file, j->job, &written);
    variables_append(&written, &j->job->variables);
    job_files_variables(j->job, w->left, w->n_left, &written);

    predefined_pipeline(w->facts, &j->server);
    predefined_job(w->facts, j->job, stage, j->id, j->token, &j->server);
    if (variables_find(&written, "CI_REGISTRY") || variables_find(w->project_variables, "CI_REGISTRY"))
        predefined_registry(w->facts->checkout, &j->server);
    variables_append(&all, &j->server);
    variables_append(&all, &written);
    variables_append(&all, w->project_variables);
    if (predefined_environment(&j->job->environment, &all, &environment, e) < 0)
        return -1;
    variables_append(&j->server, &environment);
    variables_append(&j->server, &written);
    scoped_variables_add(w->kept, variables_value(&environment, "CI_ENVIRONMENT_NAME"), w->project_variables, w->n_kept,
                         &j->server);
    percent_values(&j->server);
    return 0;
}

int job_resolve(struct job_run *j, struct err *e)
{
    const char *builds_dir = j->answer.builds_dir ? j->answer.builds_dir : "";
    auto_free char *services = response_services(j->job, &j->services);
    auto_variables all = VARIABLES_INIT;

    predefined_runner(j->world->facts, j->image, builds_dir, j->project_dir, j->status, j->job->timeout, &all);
    variables_append(&all, &j->server);
    predefined_runner_last(j->project_dir, services, &all);
    return variables_resolve(&all, j->files_dir, &j->resolved, e);
}

static void mask_secrets(struct job_run *j)
{
    for (size_t i = 0; i < j->resolved.n; i++) {
        const struct variable *v = &j->resolved.items[i];
        const struct variable *written = variables_find(&j->server, v->key);
        if (!(v->flags & VARIABLE_MASKED))
            continue;
        mask_add(&j->mask, v->value);
        if (written)
            mask_add(&j->mask, written->value);
    }
}

static void choose_refspecs(struct job_run *j)
{
    const struct checkout *c = j->world->facts->checkout;
    const char *depth = variables_value(&j->resolved, "GIT_DEPTH");
    int64_t number = DEPTH_DEFAULT;

    if (depth)
        (void)number_parse(depth, 0, DEPTH_MAX, &number);
    j->depth = (int)number;
    strvec_pushf(&j->refspecs, "+refs/pipelines/%" PRId64 ":refs/pipelines/%" PRId64, j->world->facts->id,
                 j->world->facts->id);
    if (j->depth == 0) {
        strvec_push(&j->refspecs, "+refs/heads/*:refs/remotes/origin/*");
        strvec_push(&j->refspecs, "+refs/tags/*:refs/tags/*");
    } else if (c->is_tag) {
        strvec_pushf(&j->refspecs, "+refs/tags/%s:refs/tags/%s", c->ref, c->ref);
    } else {
        strvec_pushf(&j->refspecs, "+refs/heads/%s:refs/remotes/origin/%s", c->ref, c->ref);
    }
}

/* A token that opens nothing here, but looks and is treated like one. */
static int make_token(struct job_run *j, struct err *e)
{
    unsigned char random[10];

    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
        return err_set(e, ERR_SYSTEM, 0, "no random bytes from the kernel");
    auto_free char *digits = hex_text(random, sizeof(random));
    (void)snprintf(j->token, sizeof(j->token), "glcbt-%s", digits);
    return 0;
}

static int expand_images(struct job_run *j, struct err *e)
{
    if (j->job->image.name && variables_expand(&j->resolved, j->job->image.name, &j->image, e) < 0)
        return err_wrap(e, "image");
    for (size_t i = 0; i < j->job->n_services; i++) {
        char *name = NULL;
        if (variables_expand(&j->resolved, j->job->services[i].image.name, &name, e) < 0)
            return err_wrap(e, "services[%zu]", i);
        strvec_give(&j->services, name);
    }
    return 0;
}

static int describe(struct job_run *j, struct err *e)
{
    if (make_token(j, e) < 0 || collect(j, e) < 0 || job_resolve(j, e) < 0)
        return -1;
    mask_secrets(j);
    choose_refspecs(j);
    if (expand_images(j, e) < 0)
        return -1;
    return job_resolve(j, e); /* now with CI_JOB_IMAGE and CI_JOB_SERVICES */
}

/* ---- Preparing ---- */

static int write_response(const struct job_run *j, struct err *e)
{
    const struct response response = {
        .pipeline = j->world->facts,
        .job = j->job,
        .id = j->id,
        .stage = j->world->file->stages.items[j->job->stage],
        .token = j->token,
        .image = j->image,
        .services = &j->services,
        .variables = &j->server,
        .refspecs = &j->refspecs,
        .depth = j->depth,
        .registry = {
            variables_value(&j->resolved, "CI_REGISTRY"),
            variables_value(&j->resolved, "CI_REGISTRY_USER"),
            variables_value(&j->resolved, "CI_REGISTRY_PASSWORD"),
        },
    };
    return response_write(&response, j->hook.response_file, e);
}

static void choose_artifact_folder(struct job_run *j)
{
    const struct pipeline_facts *facts = j->world->facts;
    auto_free char *pipeline = artifact_store_pipeline(facts->slot, facts->id);
    auto_free char *job = artifact_store_job(j->world->number, j->job->name);

    free(j->left->root);
    free(j->left->folder);
    j->left->root = xstrdup(j->answer.cache_dir);
    j->left->folder = xasprintf(ARTIFACT_STORE "/%s/%s", pipeline, job);
}

/* CI_PROJECT_DIR (contract 1.8). */
static int choose_folders(struct job_run *j, struct err *e)
{
    const struct pipeline_facts *facts = j->world->facts;
    const char *strategy = variables_value(&j->resolved, "GIT_STRATEGY");
    const char *suffix = strategy && strcmp(strategy, "empty") == 0 ? "-empty" : "";

    if (!j->answer.builds_dir || *j->answer.builds_dir != '/')
        return err_set(e, ERR_CONFIG, 0, "the builds_dir is not configured");
    if (!j->answer.cache_dir || *j->answer.cache_dir != '/')
        return err_set(e, ERR_CONFIG, 0, "the cache_dir is not configured");
    auto_free char *shared = j->answer.builds_dir_is_shared
                                 ? xasprintf("/%s/%d", predefined_runner_token, facts->place)
                                 : xstrdup("");
    free(j->project_dir);
    free(j->files_dir);
    j->project_dir = xasprintf("%s%s/%s%s", j->answer.builds_dir, shared, facts->checkout->remote.path, suffix);
    j->files_dir = xasprintf("%s.tmp", j->project_dir);
    choose_artifact_folder(j);
    return job_resolve(j, e);
}

static void announce_driver(struct job_run *j)
{
    const struct hook_answer *a = &j->answer;

    job_say(j, STYLE_DIM, "Using Custom executor%s%s%s%s...", a->driver_name ? " with driver " : "",
            a->driver_name ? a->driver_name : "", a->driver_version ? " " : "", a->driver_version ? a->driver_version : "");
}

static void forget_folders(struct job_run *j)
{
    hook_release(&j->hook);
    hook_answer_release(&j->answer);
    free(j->project_dir);
    free(j->files_dir);
    j->project_dir = xstrdup("");
    j->files_dir = xstrdup(".tmp");
}

char *job_repository_name(const struct job_run *j)
{
    return xasprintf(SCRIPT_REPOSITORY_PREFIX "%" PRId64 ".git", j->id);
}

/* Where the checkout and the job are such that it can be had. */
static int ask_for_snapshot(struct job_run *j, struct err *e)
{
    const struct snapshot *s = j->world->snapshot;

    if (j->no_snapshot || s->unfit || !script_takes_snapshot(&j->resolved))
        return 0;
    j->hook.sources_file = xasprintf("%s/sources.json", j->hook.dir);
    return snapshot_request(s, &j->refspecs, j->depth, j->hook.sources_file, e);
}

/* After prepare: it is the one who makes the folder, with the rights that it wants. */
static int hand_over_sources(struct job_run *j, struct err *e)
{
    auto_free char *name = job_repository_name(j);
    enum script_modules wanted = script_modules_wanted(&j->resolved);
    auto_free char *done = xasprintf("%s.done", j->hook.sources_file ? j->hook.sources_file : "");

    j->has_snapshot = j->hook.sources_file && access(done, F_OK) == 0;
    j->world->source->takes_modules = wanted == MODULES_NORMAL || wanted == MODULES_RECURSIVE;
    j->world->source->takes_modules_of_modules = wanted == MODULES_RECURSIVE;
    return j->has_snapshot ? 0 : source_publish(j->world->source, j->answer.builds_dir, name, e);
}

static enum hook_result prepare_once(struct job_run *j, struct err *e)
{
    forget_folders(j);
    if (job_resolve(j, e) < 0 ||
        hook_open(j->world->driver, j->world->temporary, job_show, j, &j->hook, e) < 0 || write_response(j, e) < 0)
        return HOOK_SYSTEM_FAILED;
    enum hook_result result = hook_call_config(&j->hook, &j->resolved, &j->answer, e);
    if (result != HOOK_DONE)
        return result;
    announce_driver(j);
    if (choose_folders(j, e) < 0 || ask_for_snapshot(j, e) < 0)
        return HOOK_SYSTEM_FAILED;
    result = hook_call_prepare(&j->hook, &j->resolved, e);
    if (result != HOOK_DONE)
        return result;
    return hand_over_sources(j, e) < 0 ? HOOK_SYSTEM_FAILED : HOOK_DONE;
}

/* Its output is not the job's log; what it says of its own failure is worth a line. */
static void clean_up(struct job_run *j)
{
    auto_err e = ERR_INIT;

    if (!j->hook.dir)
        return;
    job_record_phase(&j->record, PHASE_CLEANUP, "Cleaning up");
    if (hook_call_cleanup(&j->hook, &j->resolved, &e) != HOOK_DONE)
        job_complain(j, STYLE_WARNING, "Cleanup script failed", &e);
    job_show_end(j);
    hook_release(&j->hook);
}

static enum hook_result prepare(struct job_run *j, struct err *e)
{
    job_title(j, "Preparing the \"custom\" executor");
    for (int try = 1;; try++) {
        job_record_phase(&j->record, PHASE_PREPARING, "Preparing");
        enum hook_result result = prepare_once(j, e);
        job_show_end(j);
        if (result != HOOK_SYSTEM_FAILED || try == PREPARE_TRIES)
            return result;
        job_complain(j, STYLE_WARNING, "Preparation failed", e);
        j->no_snapshot = true; /* not every daemon and file system can lay one folder over another */
        clean_up(j);
        job_say(j, STYLE_WARNING, "Will be retried in %ds ...", PREPARE_PAUSE_MS / 1000);
        err_release(e);
        if (cancel_wait(j->world->driver->cancel, PREPARE_PAUSE_MS)) {
            (void)err_set(e, ERR_CANCELLED, 0, "canceled");
            return HOOK_CANCELLED;
        }
    }
}

/* ---- The whole ---- */

static enum verdict carry_out(struct job_run *j, int *code, struct err *e)
{
    if (describe(j, e) < 0)
        return VERDICT_SYSTEM_FAILED;
    enum hook_result result = j->job->trigger.given ? child_run(j, code, e) : prepare(j, e);
    if (result == HOOK_DONE && !j->job->trigger.given)
        result = job_stages(j, code, e);
    enum verdict verdict = j->timed_out ? VERDICT_TIMED_OUT : verdict_of(result);

    static const char *const statuses[] = {
        [VERDICT_PASSED] = "success",
        [VERDICT_SCRIPT_FAILED] = "failed",
        [VERDICT_SYSTEM_FAILED] = "failed",
        [VERDICT_TIMED_OUT] = "failed",
        [VERDICT_CANCELED] = "canceled",
    };
    j->status = statuses[verdict];
    (void)job_resolve(j, NULL);
    clean_up(j);
    return verdict;
}

static void conclude(struct job_run *j, enum verdict verdict, int code, const struct err *e, struct job_outcome *out)
{
    auto_free char *masked = mask_text(&j->mask, err_text(e));
    auto_free char *shown = text_quote(masked);

    /* As GitLab calls them, for `retry`. */
    static const char *const failures[] = {
        [VERDICT_SCRIPT_FAILED] = "script_failure",
        [VERDICT_SYSTEM_FAILED] = "runner_system_failure",
        [VERDICT_TIMED_OUT] = "job_execution_timeout",
        [VERDICT_CANCELED] = NULL,
    };

    *out = (struct job_outcome){ JOB_PASSED, NULL, failures[verdict], verdict == VERDICT_SCRIPT_FAILED ? code : -1, "" };
    if (verdict == VERDICT_PASSED)
        return;
    if (verdict == VERDICT_CANCELED) {
        out->state = JOB_CANCELED;
        return;
    }
    out->reason = e->kind == ERR_SYSTEM && !text_starts(shown, "system failure") ? xasprintf("system failure: %s", shown)
                                                                                 : xstrdup(shown);
    out->state = order_judge_failure(j->job, out->code);
}

static void run_release(struct job_run *j)
{
    variables_release(&j->server);
    variables_release(&j->resolved);
    strvec_release(&j->services);
    strvec_release(&j->refspecs);
    hook_release(&j->hook);
    hook_answer_release(&j->answer);
    mask_release(&j->mask);
    coverage_release(&j->coverage);
    job_files_release(&j->files);
    free(j->image);
    free(j->project_dir);
    free(j->files_dir);
}

void job_run(const struct job_world *w, const struct ci_job *job, int64_t id, struct job_left *left,
             struct job_outcome *out)
{
    auto_err e = ERR_INIT;
    int code = 0;
    int64_t timeout_ms = job->timeout * 1000;
    __attribute__((cleanup(run_release))) struct job_run j = {
        .world = w, .job = job, .id = id, .status = "running", .mask = MASK_INIT,
        .project_dir = xstrdup(""), .files_dir = xstrdup(".tmp"), .left = left,
        .deadline = timeout_ms > 0 ? clock_ms() + timeout_ms : 0, .record = JOB_RECORD_INIT,
    };

    *left = (struct job_left){ .job = job, .id = id };

    coverage_open(&j.coverage, job->coverage);
    job_record_open(w->record, w->file, job, id, &j.record);
    enum verdict verdict = carry_out(&j, &code, &e);
    conclude(&j, verdict, code, &e, out);
    memcpy(out->coverage, j.coverage.value, sizeof(out->coverage));
    job_record_end(&j.record, job_state_name(out->state), out->reason);
}
