#include "executor/fetch.h"

#include "base/text.h"
#include "engine/image.h"

#include <string.h>

static void progress(void *ctx, const char *line)
{
    const struct fetch *f = ctx;

    log_info(f->out, "%s", line);
}

static int pull_tick(void *ctx, int64_t *next_ms, struct err *e)
{
    const struct fetch *f = ctx;

    *next_ms = -1;
    return host_check_interrupt(f->in, e);
}

/* The credentials that GitLab sent for the image's registry. */
static bool find_auth(const struct job *job, const char *image, struct registry_auth *out)
{
    auto_image_reference ref = { 0 };

    if (image_reference_parse(image, &ref, NULL) < 0)
        return false;
    for (size_t i = 0; i < job->n_credentials; i++) {
        const struct credential *c = &job->credentials[i];
        if (strcasecmp(c->registry, ref.host) != 0)
            continue;
        *out = (struct registry_auth){ c->username, c->password, c->registry };
        return true;
    }
    return false;
}

static int pull(const struct fetch *f, const struct plan_container *c, struct err *e)
{
    struct registry_auth auth;
    struct fetch ctx = *f;
    const struct engine_watch watch = { pull_tick, &ctx, f->in->interrupt_fd };
    const struct image_transfer transfer = {
        .platform = c->platform,
        .auth = find_auth(&f->host->job, c->image, &auth) ? &auth : NULL,
        .progress = progress,
        .progress_ctx = &ctx,
        .watch = &watch,
    };

    log_info(f->out, "Pulling image %s ...", c->image);
    return image_pull(f->engine, c->image, &transfer, e);
}

/* One pull policy: ERR_NOT_FOUND when the image is neither here nor to be had. */
static int get_by_policy(const struct fetch *f, const struct plan_container *c, const char *policy, json_t **image,
                         struct err *e)
{
    auto_err missing = ERR_INIT;

    if (strcmp(policy, "always") != 0) {
        if (image_inspect(f->engine, c->image, image, &missing) == 0)
            return 0;
        if (missing.kind != ERR_NOT_FOUND)
            return err_move(e, &missing);
        if (strcmp(policy, "never") == 0)
            return err_set(e, ERR_NOT_FOUND, 0, "it is not on this host, and pull policy 'never' forbids to pull it");
    }
    if (pull(f, c, e) < 0)
        return -1;
    return image_inspect(f->engine, c->image, image, e);
}

int fetch_image(const struct fetch *f, const struct plan_container *c, json_t **image, struct err *e)
{
    auto_free char *shown = text_quote(c->image);

    for (size_t i = 0; i < c->pull_policy.n; i++) {
        const char *policy = c->pull_policy.items[i];
        if (get_by_policy(f, c, policy, image, e) == 0)
            return 0;
        if (e->kind == ERR_CANCELLED)
            return -1;
        if (i + 1 < c->pull_policy.n)
            log_warning(&f->in->log, "image '%s': pull policy '%s': %s; trying '%s'", shown, policy, err_text(e),
                        c->pull_policy.items[i + 1]);
    }
    if (e->kind != ERR_NOT_FOUND)
        return err_wrap(e, "image '%s'", shown);
    /* Not the job's failure: what was not pushed yet today is there tomorrow. */
    e->kind = ERR_SYSTEM;
    struct registry_auth auth;
    return err_wrap(e, "image '%s'%s", shown,
                    find_auth(&f->host->job, c->image, &auth) ? "" : " (GitLab sent no credentials for its registry)");
}
