#include "stages/deploy/deploy.h"

#include "base/clock.h"
#include "base/number.h"
#include "base/text.h"
#include "engine/container.h"
#include "engine/image.h"
#include "engine/volume.h"
#include "stages/deploy/images.h"
#include "stages/deploy/label_check.h"
#include "stages/deploy/labels.h"
#include "stages/deploy/lock.h"
#include "stages/deploy/release_list.h"
#include "stages/deploy/release_plan.h"
#include "stages/deploy/rollout.h"
#include "stages/deploy/release_source.h"
#include "stages/deploy/superseded.h"
#include "stages/deploy/voice.h"
#include "stages/place.h"

#include <string.h>
#include <time.h>

/* A deploy's state, in the order in which it comes about. */
struct deploy {
    const struct deploy_context *c;
    const struct deploy_request *request;
    struct voice voice;
    struct release_source source; /* the file, and where its variables come from */
    struct compose compose;
    json_t *before; /* the target's images before any was pulled; NULL: they are to stay */
    json_t **images;
    struct lock lock;
    struct releases releases;
    json_t *containers;
    struct release_plan plan;
    struct rollout rollout;
    int64_t began_ms;
};

static void deploy_release(struct deploy *d)
{
    rollout_release(&d->rollout);
    release_plan_release(&d->plan);
    json_decref(d->containers);
    releases_release(&d->releases);
    lock_release(&d->lock);
    json_decref(d->before);
    images_release(d->images, d->compose.n);
    compose_release(&d->compose);
    release_source_release(&d->source);
    voice_release(&d->voice);
}

/* ---- The file and its images ---- */

static int read_file(struct deploy *d, struct err *e)
{
    const struct compose_variables variables = release_source_variables(&d->source);
    auto_strvec problems = STRVEC_INIT, warnings = STRVEC_INIT;

    int rc = compose_read(d->source.file, d->source.text, d->source.len, &variables, &d->compose, &problems, &warnings, e);
    if (rc == 0)
        rc = labels_check(d->source.file, &d->compose, d->c->target, &problems, e);
    voice_learn(&d->voice, d->c->environment);
    for (size_t i = 0; i < warnings.n; i++)
        voice_warning(&d->voice, "%s", warnings.items[i]);
    for (size_t i = 1; rc < 0 && i < problems.n; i++) /* the first one is the error */
        voice_line(&d->voice, LOG_ERROR, "%s", problems.items[i]);
    d->images = xcalloc(d->compose.n + 1, sizeof(*d->images));
    return rc;
}

static int get_images(struct deploy *d, struct err *e)
{
    const struct images_from from = {
        .context = d->c,
        .voice = &d->voice,
        .compose = &d->compose,
        .file = d->source.file,
        .instead = d->source.back ? d->source.back->services : NULL,
        .pull = d->request->action != DEPLOY_DRY_RUN,
    };
    if (from.pull && !d->c->target->keep_images && image_list(d->c->engine, &d->before, e) < 0)
        return -1;
    return images_get(&from, d->images, e);
}

static const char *any_image(const struct deploy *d)
{
    for (size_t i = 0; i < d->compose.n; i++)
        if (d->images[i])
            return json_text(d->images[i], "Id");
    return NULL;
}

/* ---- What is there, and what is to be ---- */

/* A job's container on the same daemon may have our labels, from its image: no deploy made it. */
static int list_containers(struct deploy *d, struct err *e)
{
    auto_strvec labels = STRVEC_INIT;

    json_decref(take(&d->containers));
    strvec_pushf(&labels, "%s=%s", LABEL_UNIT, d->c->who->unit);
    if (container_list(d->c->engine, &labels, &d->containers, e) < 0)
        return -1;
    for (size_t i = json_array_size(d->containers); i-- > 0;)
        if (json_at(json_array_get(d->containers, i), "Labels", LABEL_JOB))
            (void)json_array_remove(d->containers, i);
    return 0;
}

static int look(struct deploy *d, struct err *e)
{
    releases_release(&d->releases);
    return releases_read(d->c->engine, d->c->who->unit, &d->releases, e) < 0 ? -1 : list_containers(d, e);
}

static int heal(struct deploy *d, struct err *e)
{
    auto_leftovers left = { STRVEC_INIT, STRVEC_INIT };

    leftovers_find(d->containers, releases_live(&d->releases), &left);
    if (left.remove.n + left.start.n == 0)
        return 0;
    return rollout_heal(d->c, &d->voice, &left, e) < 0 ? -1 : list_containers(d, e);
}

static int make_plan(struct deploy *d, struct err *e)
{
    const struct release_plan_from from = {
        .compose = &d->compose,
        .images = d->images,
        .target = d->c->target,
        .who = d->c->who,
        .containers = d->containers,
        .live = releases_live(&d->releases),
        .number = releases_next(&d->releases),
        .back = d->request->action == DEPLOY_ROLLBACK,
    };
    return release_plan_make(&from, &d->plan, e);
}

static void warn_unchecked(const struct deploy *d)
{
    for (size_t i = 0; i < d->plan.n; i++) {
        const struct plan_step *s = &d->plan.steps[i];
        if (s->body.routed && !s->body.checked && s->action != STEP_KEEP)
            voice_warning(&d->voice, "%s has no HEALTHCHECK: the proxy sends requests to it as soon as it runs, ready or not",
                          s->service->name);
    }
}

static int dry_run(struct deploy *d, struct err *e)
{
    auto_strvec lines = STRVEC_INIT;

    if (look(d, e) < 0 || make_plan(d, e) < 0)
        return -1;
    release_plan_lines(&d->plan, &lines);
    for (size_t i = 0; i < lines.n; i++)
        voice_info(&d->voice, "%s", lines.items[i]);
    return 0;
}

/* ---- The release ---- */

static char *result_text(const struct deploy *d, const struct err *failure)
{
    if (failure)
        return xasprintf("failed: %s", err_text(failure));
    return d->source.back ? xasprintf("rolled back to %d", release_base(d->source.back)) : xstrdup("deployed");
}

/* Of a rollback: that of the release that it goes back to. */
static char *commit_of(const struct deploy *d)
{
    return xstrdup(d->source.back ? d->source.back->commit : d->c->who->commit);
}

static json_t *images_brought(const struct deploy *d)
{
    return superseded_brought(d->before, d->images, d->compose.n, &d->releases);
}

static int write_record(const struct deploy *d, const struct err *failure, struct err *e)
{
    const struct deploy_identity *who = d->c->who;
    auto_release record = {
        .number = releases_next(&d->releases),
        .commit = commit_of(d),
        .ref = xstrdup(d->source.back ? d->source.back->ref : who->ref),
        .who = xstrdup(who->who),
        .job_url = xstrdup(who->job_url),
        .when = (int64_t)time(NULL),
        .result = result_text(d, failure),
        .services = failure ? json_object() : rollout_services(&d->rollout, releases_live(&d->releases)),
        .file = xstrdup(d->source.file),
        .compose = xstrndup(d->source.text, d->source.len),
        .variables = json_incref(d->source.variables),
        .secrets = json_incref(d->source.secrets),
        .images = images_brought(d),
    };
    return release_write(d->c->engine, who->unit, &record, e);
}

/* An answer that did not arrive may have been a success: what the target has is what counts. */
static int commit(struct deploy *d, struct err *e)
{
    auto_free char *name = release_volume(d->c->who->unit, releases_next(&d->releases));
    auto_json *there = NULL;
    auto_err missing = ERR_INIT;

    bool ours = lock_check(&d->lock, e) == 0;
    if (ours && write_record(d, NULL, e) == 0)
        return 0;
    if (ours && e->kind == ERR_SYSTEM && volume_inspect(d->c->engine, name, &there, &missing) < 0 &&
        missing.kind != ERR_NOT_FOUND)
        return err_wrap(e, "the target does not say whether the release counts; the next deploy finds out");
    if (there)
        return 0;
    rollout_undo(&d->rollout);
    return -1;
}

static void drop_old_records(const struct deploy *d)
{
    auto_strvec numbers = STRVEC_INIT, images = STRVEC_INIT;
    auto_json *now = images_brought(d);

    releases_old(&d->releases, (int)d->c->target->keep_releases - 1, &numbers); /* the new one is not among them */
    for (size_t i = 0; i < numbers.n; i++) {
        auto_free char *name = release_volume(d->c->who->unit, atoi(numbers.items[i]));
        (void)volume_remove(d->c->engine, name, NULL);
    }
    if (d->c->target->keep_images)
        return;
    superseded_find(&d->releases, &numbers, now, &images);
    superseded_remove(d->c, &d->voice, &images);
}

/* What is written down of a failure is for people; without it nothing is lost. */
static int fail(const struct deploy *d, struct err *e)
{
    const struct release *live = releases_live(&d->releases);

    voice_mask_error(&d->voice, e);
    if (e->kind != ERR_CANCELLED)
        (void)write_record(d, e, NULL);
    auto_free char *text = xstrdup(err_text(e));
    if (live)
        return err_set(e, e->kind, e->code, "%s; release %d goes on serving", text, live->number);
    return err_set(e, e->kind, e->code, "%s; no release serves yet", text);
}

static void say_done(const struct deploy *d)
{
    auto_free char *commit = commit_of(d);
    auto_free char *result = result_text(d, NULL);
    char took[32];

    voice_info(&d->voice, "Release %d of %s in %s serves: commit %.8s, %s in %s", releases_next(&d->releases),
               d->c->who->project, d->c->who->environment, commit ? commit : "?", result,
               duration_format(clock_ms() - d->began_ms, took, sizeof(took)));
}

static int roll_out(struct deploy *d, struct err *e)
{
    d->rollout = (struct rollout){ d->c, &d->voice, &d->plan, NULL };
    warn_unchecked(d);
    if (rollout_run(&d->rollout, e) < 0 || commit(d, e) < 0)
        return fail(d, e);
    say_done(d);
    rollout_finish(&d->rollout);
    drop_old_records(d);
    return 0;
}

static int up(struct deploy *d, struct err *e)
{
    const char *image = any_image(d);

    if (!image) {
        voice_info(&d->voice, "The target has all services elsewhere: there is nothing to deploy");
        return 0;
    }
    if (lock_take(d->c, &d->voice, image, &d->lock, e) < 0 || look(d, e) < 0 || heal(d, e) < 0 || make_plan(d, e) < 0)
        return -1;
    if (!release_plan_is_empty(&d->plan))
        return roll_out(d, e);
    voice_info(&d->voice, "Nothing changed: release %d goes on serving", releases_live(&d->releases)->number);
    return 0;
}

static int open_source(struct deploy *d, struct err *e)
{
    if (d->request->action != DEPLOY_ROLLBACK) {
        release_source_of_request(&d->source, d->c->environment, d->request);
        return 0;
    }
    if (releases_read(d->c->engine, d->c->who->unit, &d->releases, e) < 0)
        return -1;
    const struct release *back = releases_back(&d->releases, d->request->release, e);
    if (!back)
        return -1;
    voice_info(&d->voice, "Going back to release %d (commit %.8s)", back->number, back->commit);
    release_source_of_release(&d->source, d->c->environment, back);
    return 0;
}

int deploy_run(const struct deploy_context *c, const struct deploy_request *request, struct err *e)
{
    __attribute__((cleanup(deploy_release))) struct deploy d = {
        .c = c, .request = request, .lock = LOCK_INIT, .began_ms = clock_ms()
    };

    voice_open(c, &d.voice);
    if (request->action == DEPLOY_RELEASES)
        return release_list_say(c, &d.voice, e);
    int rc = open_source(&d, e) < 0 || read_file(&d, e) < 0 || get_images(&d, e) < 0 ? -1 : 0;
    if (rc == 0)
        rc = request->action == DEPLOY_DRY_RUN ? dry_run(&d, e) : up(&d, e);
    if (rc < 0)
        voice_mask_error(&d.voice, e);
    return rc;
}
