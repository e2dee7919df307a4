#include "stages/deploy/images.h"

#include "base/clock.h"
#include "base/number.h"
#include "base/text.h"
#include "engine/image.h"
#include "engine/passing.h"
#include "stages/deploy/container_body.h"
#include "stages/deploy/pause.h"

#include <string.h>

#define AT_ONCE ((size_t)4)

/* ---- Whose login ---- */

static const struct credential *find_login(const struct credential *all, size_t n, const char *host)
{
    for (size_t i = 0; i < n; i++) {
        const char *registry = all[i].registry;
        bool hub = strcmp(host, "docker.io") == 0 && strstr(registry, "index.docker.io");
        if (strcasecmp(registry, host) == 0 || hub)
            return &all[i];
    }
    return NULL;
}

/* The target's owner knows registries that the job does not. */
static const struct credential *login_for(const struct deploy_context *c, const char *image)
{
    auto_image_reference r = { 0 };

    if (image_reference_parse(image, &r, NULL) < 0)
        return NULL;
    const struct credential *found = find_login(c->target->registries, c->target->n_registries, r.host);
    return found ? found : find_login(c->credentials, c->n_credentials, r.host);
}

/* ---- One image ---- */

static bool is_id(const char *image)
{
    return text_starts(image, "sha256:");
}

static int explain(const struct deploy_context *c, const char *service, const char *image, struct err *e)
{
    auto_free char *shown = text_quote(image);

    if (e->kind == ERR_NOT_FOUND) {
        e->kind = ERR_JOB;
        return err_wrap(e, "service '%s': image '%s' is not there, or %s", service, shown,
                        login_for(c, image) ? "the login for its registry may not see it"
                                            : "it wants a login, and there is none for its registry");
    }
    return err_wrap(e, "service '%s': image '%s'", service, shown);
}

/* What the target keeps may run as root and have volumes: its owner says which images those are. */
static int check_managed(const struct images_from *f, const struct compose_service *s, struct err *e)
{
    const struct target *t = f->context->target;
    auto_free char *shown = text_quote(s->image);
    auto_free char *allowed = strvec_join(&t->managed_images, ", ");

    for (size_t i = 0; i < t->managed_images.n; i++)
        if (text_matches(t->managed_images.items[i], s->image))
            return 0;
    if (t->managed_images.n == 0 || service_kind(s, t) != SERVICE_MANAGED)
        return 0;
    return err_set(e, ERR_JOB, 0, "%s:%d: service '%s', which target '%s' keeps, may not have image '%s'; it allows: %s "
                   "(`managed_images` of its configuration)", f->file, s->line, s->name, t->name, shown, allowed);
}

/* Whether it is to be pulled: 1; 0: it is not, and *out is what the target has of it; -1: it is nowhere. */
static int look(const struct images_from *f, const struct compose_service *s, const char *image, json_t **out, struct err *e)
{
    bool kept = service_kind(s, f->context->target) == SERVICE_MANAGED;
    bool fixed = is_id(image) || strchr(image, '@') || kept;
    auto_err missing = ERR_INIT;

    if (!fixed && f->pull)
        return 1;
    if (image_inspect(f->context->engine, image, out, &missing) == 0)
        return 0;
    if (missing.kind != ERR_NOT_FOUND)
        return err_move(e, &missing);
    if (f->pull && is_id(image))
        return err_set(e, ERR_JOB, 0, "service '%s': image %s is not on target '%s', and no registry knows an image by its id",
                       s->name, image, f->context->target->name);
    return f->pull ? 1 : 0;
}

static const char *image_of(const struct images_from *f, const struct compose_service *s)
{
    const char *other = f->instead ? json_text(json_object_get(f->instead, s->name), "digest") : "";

    return *other ? other : s->image;
}

/* ---- Pulling ---- */

/* Services whose images are to be pulled, each image once. */
struct pulls {
    const struct images_from *from;
    size_t *which;
    size_t n;
};

static const struct compose_service *service_of(const struct pulls *p, size_t at)
{
    return &p->from->compose->services[p->which[at]];
}

static void say_pulled(const struct pulls *p, size_t at, const struct err *errs, size_t n, int64_t took_ms)
{
    auto_strvec names = STRVEC_INIT;
    char took[32];

    for (size_t i = 0; i < n; i++)
        if (errs[i].kind == ERR_NONE)
            strvec_push(&names, image_of(p->from, service_of(p, at + i)));
    auto_free char *all = strvec_join(&names, ", ");
    if (names.n > 0)
        voice_info(p->from->voice, "Pulled %s in %s", all, duration_format(took_ms, took, sizeof(took)));
}

/* `n` of them, from `at` on, side by side. */
static void pull_some(const struct pulls *p, size_t at, struct err errs[AT_ONCE], size_t n)
{
    struct registry_auth auth[AT_ONCE];
    struct image_transfer how[AT_ONCE];
    const char *names[AT_ONCE];
    int64_t began = clock_ms();

    for (size_t i = 0; i < n; i++) {
        names[i] = image_of(p->from, service_of(p, at + i));
        const struct credential *login = login_for(p->from->context, names[i]);
        if (login)
            auth[i] = (struct registry_auth){ .username = login->username, .password = login->password,
                                              .server = login->registry };
        how[i] = (struct image_transfer){ .auth = login ? &auth[i] : NULL, .watch = p->from->context->watch };
    }
    (void)image_pull_all(p->from->context->engine, names, how, errs, n);
    say_pulled(p, at, errs, n, clock_ms() - began);
}

/* Once each; what stumbled stays in the list. */
static int pull_each(struct pulls *p, int tries, int64_t wait_ms, struct err *e)
{
    size_t left = 0;
    char wait[32];
    int rc = 0;

    for (size_t at = 0; rc == 0 && at < p->n; at += AT_ONCE) {
        struct err errs[AT_ONCE] = { 0 };
        size_t n = p->n - at < AT_ONCE ? p->n - at : AT_ONCE;
        pull_some(p, at, errs, n);
        for (size_t i = 0; i < n; i++) {
            const struct compose_service *s = service_of(p, at + i);
            if (errs[i].kind == ERR_NONE)
                continue;
            if (tries < PASSING_TRIES && passing_fault(&errs[i])) {
                voice_warning(p->from->voice, "%s; try %d of %d in %s", err_text(&errs[i]), tries + 1, PASSING_TRIES,
                              duration_format(wait_ms, wait, sizeof(wait)));
                p->which[left++] = p->which[at + i];
            } else if (rc == 0) {
                (void)err_move(e, &errs[i]);
                rc = explain(p->from->context, s->name, image_of(p->from, s), e);
            }
            err_release(&errs[i]);
        }
    }
    p->n = left;
    return rc;
}

static int pull_all(struct pulls *p, struct err *e)
{
    for (int tries = 1; p->n > 0; tries++) {
        int64_t wait = passing_wait_ms();
        if (pull_each(p, tries, wait, e) < 0 || (p->n > 0 && pause_ms(p->from->context->watch, wait, e) < 0))
            return -1;
    }
    return 0;
}

/* ---- All of them ---- */

/* The first service with the same image, which has it for all. */
static size_t first_with(const struct images_from *f, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (service_kind(&f->compose->services[i], f->context->target) != SERVICE_EXTERNAL &&
            strcmp(image_of(f, &f->compose->services[i]), image_of(f, &f->compose->services[at])) == 0)
            return i;
    return at;
}

static int look_and_pull(const struct images_from *f, struct pulls *p, json_t **out, struct err *e)
{
    for (size_t i = 0; i < f->compose->n; i++) {
        const struct compose_service *s = &f->compose->services[i];
        if (service_kind(s, f->context->target) == SERVICE_EXTERNAL || first_with(f, i) != i)
            continue;
        int wanted = look(f, s, image_of(f, s), &out[i], e);
        if (wanted < 0)
            return -1;
        if (wanted > 0)
            p->which[p->n++] = i;
    }
    return pull_all(p, e);
}

static int judge(const struct images_from *f, size_t i, json_t **out, struct err *e)
{
    const struct compose_service *s = &f->compose->services[i];
    enum service_kind kind = service_kind(s, f->context->target);
    size_t first = first_with(f, i);

    if (kind == SERVICE_EXTERNAL)
        return 0;
    if (first != i)
        out[i] = json_incref(out[first]);
    else if (!out[i] && f->pull && image_inspect(f->context->engine, image_of(f, s), &out[i], e) < 0)
        return explain(f->context, s->name, image_of(f, s), e);
    if (out[i] && body_check_labels(s, out[i], e) < 0)
        return -1;
    /* What the target manages is its owner's to judge. */
    return out[i] && kind != SERVICE_MANAGED ? body_check_image(s, out[i], f->context->target, e) : 0;
}

int images_get(const struct images_from *f, json_t **out, struct err *e)
{
    auto_free size_t *which = xcalloc(f->compose->n + 1, sizeof(*which));
    struct pulls pulls = { f, which, 0 };

    for (size_t i = 0; i < f->compose->n; i++)
        if (check_managed(f, &f->compose->services[i], e) < 0)
            return -1;
    if (look_and_pull(f, &pulls, out, e) < 0)
        return -1;
    for (size_t i = 0; i < f->compose->n; i++)
        if (judge(f, i, out, e) < 0)
            return -1;
    return 0;
}

void images_release(json_t **images, size_t n)
{
    for (size_t i = 0; i < n; i++)
        json_decref(images[i]);
    free(images);
}
