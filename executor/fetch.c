#include "executor/fetch.h"

#include "base/clock.h"
#include "base/number.h"
#include "base/text.h"
#include "engine/image.h"
#include "engine/passing.h"
#include "executor/credentials.h"
#include "stages/pull_policy.h"

#include <poll.h>
#include <string.h>

static void progress(void *ctx, const char *line)
{
    const struct fetch *f = ctx;

    log_info(f->out, "%s", line);
}

/* Ends early, with ERR_CANCELLED, when a signal comes. */
static int wait_for(const struct fetch *f, int64_t ms, struct err *e)
{
    int64_t end = clock_ms() + ms;

    for (int64_t left = ms; left > 0; left = end - clock_ms()) {
        struct pollfd stop = { .fd = f->in->interrupt_fd, .events = POLLIN };
        (void)poll(&stop, 1, (int)left);
        if (host_check_interrupt(f->in, e) < 0)
            return -1;
    }
    return 0;
}

static int pull_patiently(const struct fetch *f, const char *image, const struct image_transfer *how, struct err *e)
{
    for (int tries = 1;; tries++) {
        auto_err problem = ERR_INIT;
        char delay[32];
        if (image_pull(f->engine, image, how, &problem) == 0)
            return 0;
        if (tries == PASSING_TRIES || !passing_fault(&problem))
            return err_move(e, &problem);
        int64_t wait = passing_wait_ms();
        log_warning(&f->in->log, "%s; try %d of %d in %s", err_text(&problem), tries + 1, PASSING_TRIES,
                    duration_format(wait, delay, sizeof(delay)));
        if (wait_for(f, wait, e) < 0)
            return -1;
    }
}

/* The refusal says as whom it was asked, so that nobody looks in the wrong place. */
static int explain_refusal(const struct credentials *c, struct err *problem, struct err *e)
{
    if (problem->kind != ERR_NOT_FOUND)
        return err_move(e, problem);
    if (!c->source)
        return err_set(e, ERR_NOT_FOUND, problem->code, "%s (no credentials for its registry were found)",
                       err_text(problem));
    return err_set(e, ERR_NOT_FOUND, problem->code, "%s (with the credentials from %s)", err_text(problem), c->source);
}

static int pull(const struct fetch *f, const struct plan_container *c, struct err *e)
{
    const struct credentials_from from = { &f->host->job, f->in->env, f->in->interrupt_fd, &f->in->log };
    auto_credentials found = { 0 };

    if (credentials_find(&from, c->image, &found, e) < 0)
        return -1;
    struct registry_auth auth = login_auth(&found.login);
    struct fetch ctx = *f;
    const struct engine_watch watch = host_watch(f->in);
    const struct image_transfer transfer = {
        .platform = c->platform,
        .auth = found.source ? &auth : NULL,
        .progress = progress,
        .progress_ctx = &ctx,
        .watch = &watch,
    };
    auto_err problem = ERR_INIT;

    log_info(f->out, "Pulling docker image %s%s%s ...", c->image, c->platform ? " for platform " : "",
             c->platform ? c->platform : "");
    if (found.source)
        log_info(f->out, "Authenticating with credentials from %s", found.source);
    if (pull_patiently(f, c->image, &transfer, &problem) == 0)
        return 0;
    return explain_refusal(&found, &problem, e);
}

/* "sha256:" and the digits of an image's id: no registry knows it. */
static bool is_id(const char *image)
{
    const char *digits = image + strlen("sha256:");

    return text_starts(image, "sha256:") && strlen(digits) == 64 && strspn(digits, "0123456789abcdef") == 64;
}

static bool was_pulled(const struct fetch *f, const struct plan_container *c)
{
    for (size_t i = 0; f->pulled && !c->platform && i < f->pulled->n; i++)
        if (strcmp(f->pulled->items[i], c->image) == 0)
            return true;
    return false;
}

/* One pull policy: ERR_NOT_FOUND when the image is neither here nor to be had. */
static int get_by_policy(const struct fetch *f, const struct plan_container *c, const char *policy, json_t **image,
                         struct err *e)
{
    auto_err missing = ERR_INIT;

    if (was_pulled(f, c))
        return image_inspect(f->engine, c->image, image, e);
    if (strcmp(policy, PULL_ALWAYS) != 0 || is_id(c->image)) {
        if (image_inspect(f->engine, c->image, image, &missing) == 0) {
            if (strcmp(policy, PULL_IF_NOT_PRESENT) == 0)
                log_info(f->out, "Using locally found image version due to \"if-not-present\" pull policy");
            return 0;
        }
        if (missing.kind != ERR_NOT_FOUND)
            return err_move(e, &missing);
        if (is_id(c->image))
            return err_set(e, ERR_NOT_FOUND, 0, "it is not on this host, and no registry knows an image by its id");
        if (strcmp(policy, PULL_NEVER) == 0)
            return err_set(e, ERR_NOT_FOUND, 0, "it is not on this host, and pull policy 'never' forbids to pull it");
    }
    if (pull(f, c, e) < 0)
        return -1;
    return image_inspect(f->engine, c->image, image, e);
}

/* Whether another policy may do what this one could not: not when we were told to stop, and not when what is wrong
 * was written by somebody. */
static bool is_worth_another(const struct err *e)
{
    return e->kind == ERR_NOT_FOUND || e->kind == ERR_SYSTEM;
}

int fetch_image(const struct fetch *f, const struct plan_container *c, json_t **image, struct err *e)
{
    auto_free char *shown = text_quote(c->image);
    auto_free char *policies = pull_policy_list(&c->pull_policy);

    log_info(f->out, "Using effective pull policy of %s for container %s", policies, shown);
    for (size_t i = 0; i < c->pull_policy.n; i++) {
        const char *policy = c->pull_policy.items[i];
        if (i > 0)
            log_info(f->out, "Attempt #%zu: Trying \"%s\" pull policy", i + 1, policy);
        if (get_by_policy(f, c, policy, image, e) == 0)
            return 0;
        if (!is_worth_another(e))
            return err_wrap(e, "image '%s'", shown);
        if (i + 1 < c->pull_policy.n)
            log_warning(&f->in->log, "Failed to pull image with policy \"%s\": %s", policy, err_text(e));
    }
    /* Not the job's failure: what was not pushed yet today is there tomorrow. */
    e->kind = ERR_SYSTEM;
    return err_wrap(e, "failed to pull image \"%s\" with specified policies %s", shown, policies);
}

/* ---- Several at a time ---- */

/* One image that is to be pulled, with all that its pull points to. */
struct ahead {
    const char *image;
    struct credentials found;
    struct registry_auth auth;
};

static void ahead_release(struct ahead *all, size_t n)
{
    for (size_t i = 0; i < n; i++)
        credentials_release(&all[i].found);
    free(all);
}

/* 1: its first policy wants it pulled. One for another platform is pulled alone: its name says not which it is. */
static int wants_pull(const struct fetch *f, const struct plan_container *c, struct err *e)
{
    const char *first = c->pull_policy.n > 0 ? c->pull_policy.items[0] : PULL_NEVER;
    auto_json *image = NULL;
    auto_err missing = ERR_INIT;

    if (c->platform || is_id(c->image) || strcmp(first, PULL_NEVER) == 0)
        return 0;
    if (strcmp(first, PULL_ALWAYS) == 0)
        return 1;
    if (image_inspect(f->engine, c->image, &image, &missing) == 0)
        return 0;
    return missing.kind == ERR_NOT_FOUND ? 1 : err_move(e, &missing);
}

/* The images, each once. */
static int find_ahead(const struct fetch *f, const struct plan *plan, struct ahead *all, size_t *n, struct err *e)
{
    const struct credentials_from from = { &f->host->job, f->in->env, f->in->interrupt_fd, &f->in->log };

    for (size_t i = 0; i < plan_count(plan); i++) {
        const struct plan_container *c = plan_at(plan, i);
        int wants = wants_pull(f, c, e);
        for (size_t k = 0; k < *n; k++)
            if (strcmp(all[k].image, c->image) == 0)
                wants = wants > 0 ? 0 : wants;
        if (wants < 0)
            return -1;
        if (wants == 0)
            continue;
        struct ahead *one = &all[(*n)++];
        one->image = c->image;
        if (credentials_find(&from, c->image, &one->found, e) < 0)
            return -1;
        one->auth = login_auth(&one->found.login);
    }
    return 0;
}

static int pull_ahead(const struct fetch *f, struct ahead *all, size_t n, struct strvec *pulled, struct err *e)
{
    auto_free struct image_transfer *how = xcalloc(n + 1, sizeof(*how));
    auto_free const char **names = xcalloc(n + 1, sizeof(*names));
    auto_free struct err *errs = xcalloc(n + 1, sizeof(*errs));
    const struct engine_watch watch = host_watch(f->in);
    struct fetch ctx = *f;

    for (size_t i = 0; i < n; i++) {
        names[i] = all[i].image;
        how[i] = (struct image_transfer){ .auth = all[i].found.source ? &all[i].auth : NULL,
                                          .progress = progress, .progress_ctx = &ctx, .watch = &watch };
        log_info(f->out, "Pulling docker image %s%s%s ...", all[i].image,
                 all[i].found.source ? ", authenticating with credentials from " : "",
                 all[i].found.source ? all[i].found.source : "");
    }
    (void)image_pull_all(f->engine, names, how, errs, n);
    for (size_t i = 0; i < n; i++) {
        if (errs[i].kind == ERR_NONE)
            strvec_push(pulled, names[i]);
        else if (errs[i].kind != ERR_CANCELLED)
            log_warning(&f->in->log, "%s; it is pulled again, alone", err_text(&errs[i]));
        else if (!e->msg)
            (void)err_move(e, &errs[i]);
        err_release(&errs[i]);
    }
    return e->msg ? -1 : 0;
}

int fetch_ahead(const struct fetch *f, const struct plan *plan, struct strvec *pulled, struct err *e)
{
    size_t n = 0;

    if (plan->n_services == 0)
        return 0;
    struct ahead *all = xcalloc(plan_count(plan) + 1, sizeof(*all));
    int rc = find_ahead(f, plan, all, &n, e);
    if (rc == 0 && n > 1)
        rc = pull_ahead(f, all, n, pulled, e);
    ahead_release(all, n);
    return rc;
}
