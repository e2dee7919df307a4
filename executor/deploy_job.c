#include "executor/deploy_job.h"

#include "base/mask.h"
#include "base/text.h"
#include "executor/program.h"
#include "executor/target_link.h"
#include "stages/job_values.h"

#include <string.h>

/* Shorter ones stand everywhere, as GitLab says of them: without their letters a log says nothing. */
#define SECRET_LENGTH 8

/* One request under way. */
struct deploy {
    const struct deploy_job *job;
    struct target *target;
    struct variables values;
    struct deploy_identity who;
    struct deploy_environment *environment;
    struct mask mask;
};

static void deploy_release(struct deploy *d)
{
    variables_release(&d->values);
    environment_free(d->environment);
    free(d->who.unit);
    mask_release(&d->mask);
}

/* ---- Secrets ---- */

/* Lines are masked one by one: of a secret with several each is one. */
static void hide(struct mask *m, const char *secret)
{
    while (secret && *secret) {
        size_t len = strcspn(secret, "\r\n");
        auto_free char *line = xstrndup(secret, len);
        if (len >= SECRET_LENGTH)
            mask_add(m, line);
        secret += len + strspn(secret + len, "\r\n");
    }
}

static void hide_logins(struct mask *m, const struct credential *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        hide(m, list[i].password);
}

static void hide_secrets(struct deploy *d)
{
    const struct job *job = &d->job->host->job;
    const struct strvec *secrets = environment_secrets(d->environment);

    for (size_t i = 0; i < secrets->n; i++)
        hide(&d->mask, secrets->items[i]);
    for (size_t i = 0; i < d->values.n; i++)
        if (d->values.items[i].flags & VARIABLE_MASKED)
            hide(&d->mask, d->values.items[i].value);
    hide_logins(&d->mask, job->credentials, job->n_credentials);
    hide_logins(&d->mask, d->target->registries, d->target->n_registries);
    hide(&d->mask, d->target->key);
}

static void say(void *ctx, enum log_level level, const char *line)
{
    const struct deploy *d = ctx;
    auto_free char *masked = mask_text(&d->mask, line);

    d->job->say(d->job->say_ctx, level, masked);
}

static int fail_masked(const struct deploy *d, const struct err *why, struct err *e)
{
    auto_free char *text = mask_text(&d->mask, err_text(why));

    return err_set(e, why->kind, why->code, "%s", text);
}

/* ---- Who, and where ---- */

static int refuse_unknown(const struct host *h, const char *name, struct err *e)
{
    auto_free char *shown = text_quote(name);
    auto_strvec names = STRVEC_INIT;

    for (size_t i = 0; i < h->config.targets.n; i++)
        if (target_allows(&h->config.targets.items[i], &h->job, NULL) == 0)
            strvec_push(&names, h->config.targets.items[i].name);
    auto_free char *list = strvec_join(&names, ", ");
    return err_set(e, ERR_JOB, 0, "this host has no target '%s'; this job may deploy to: %s", shown, list);
}

static int find_target(struct deploy *d, const char *name, struct err *e)
{
    const struct host *h = d->job->host;

    d->target = targets_find(&h->config.targets, name);
    if (!d->target)
        return refuse_unknown(h, name, e);
    return target_allows(d->target, &h->job, e) < 0 ? -1 : target_read_secrets(d->target, e);
}

static const char *value(const struct deploy *d, const char *name)
{
    const char *found = variables_value(&d->values, name);

    return found ? found : "";
}

/* A job may set CI_* variables of its own: what the history says comes from the server where that tells it. */
static const char *told(const struct deploy *d, const char *by_server, const char *name)
{
    return *by_server ? by_server : value(d, name);
}

static int identify(struct deploy *d, struct err *e)
{
    const struct job *job = &d->job->host->job;

    if (job_values(d->job->env, &d->values, e) < 0)
        return -1;
    d->who = (struct deploy_identity){
        .project = job->project_path,
        .environment = job->environment,
        .commit = told(d, job->commit, "CI_COMMIT_SHA"),
        .ref = told(d, job->ref, "CI_COMMIT_REF_NAME"),
        .who = value(d, *value(d, "GITLAB_USER_LOGIN") ? "GITLAB_USER_LOGIN" : "GITLAB_USER_NAME"),
        .job_url = told(d, job->url, "CI_JOB_URL"),
    };
    if (identity_unit(d->who.project, d->who.environment, &d->who.unit, e) < 0)
        return -1;
    return environment_make(&d->values, &d->who, d->target, &d->environment, e);
}

/* ---- The deploy ---- */

static int carry_out(struct deploy *d, const struct wire_request *q, struct err *e)
{
    static const enum deploy_action actions[WIRE_ACTIONS] = {
        [WIRE_UP] = DEPLOY_UP, [WIRE_DRY_RUN] = DEPLOY_DRY_RUN, [WIRE_ROLLBACK] = DEPLOY_ROLLBACK,
        [WIRE_RELEASES] = DEPLOY_RELEASES,
    };
    static const char *const cron_built[] = { "../stages/deploy/cron/atelier-cron", NULL };
    const struct deploy_request request = { actions[q->action], q->file, q->text, q->len, q->release };
    const struct job *job = &d->job->host->job;
    auto_free char *cron_program = program_find(d->job->program, "atelier-cron", cron_built, NULL);
    auto_target_link link = TARGET_LINK_INIT;

    if (target_link_open(d->target, d->job->watch->wake_fd, &link, e) < 0)
        return -1;
    const struct deploy_context context = {
        .engine = link.engine,
        .target = d->target,
        .who = &d->who,
        .environment = d->environment,
        .credentials = job->credentials,
        .n_credentials = job->n_credentials,
        .cron_program = cron_program,
        .watch = d->job->watch,
        .say = say,
        .say_ctx = d,
    };
    return deploy_run(&context, &request, e);
}

int deploy_job_run(const struct deploy_job *job, const struct wire_request *q, struct err *e)
{
    __attribute__((cleanup(deploy_release))) struct deploy d = { .job = job, .mask = MASK_INIT };
    auto_err why = ERR_INIT;

    if (find_target(&d, q->target, e) < 0 || identify(&d, e) < 0)
        return -1;
    hide_secrets(&d);
    return carry_out(&d, q, &why) < 0 ? fail_masked(&d, &why, e) : 0;
}
