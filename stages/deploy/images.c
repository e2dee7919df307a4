#include "stages/deploy/images.h"

#include "base/clock.h"
#include "base/number.h"
#include "base/text.h"
#include "engine/image.h"
#include "stages/deploy/container_body.h"

#include <string.h>

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

static int pull(const struct images_from *f, const char *image, struct err *e)
{
    const struct credential *login = login_for(f->context, image);
    const struct registry_auth auth = { .username = login ? login->username : NULL,
                                        .password = login ? login->password : NULL,
                                        .server = login ? login->registry : NULL };
    const struct image_transfer how = { .auth = login ? &auth : NULL, .watch = f->context->watch };
    int64_t began = clock_ms();
    char took[32];

    if (image_pull(f->context->engine, image, &how, e) < 0)
        return -1;
    voice_info(f->voice, "Pulled %s in %s", image, duration_format(clock_ms() - began, took, sizeof(took)));
    return 0;
}

static int get_one(const struct images_from *f, const struct compose_service *s, const char *image, json_t **out,
                   struct err *e)
{
    bool kept = service_kind(s, f->context->target) == SERVICE_MANAGED;
    bool fixed = is_id(image) || strchr(image, '@') || kept;
    struct engine *d = f->context->engine;
    auto_err missing = ERR_INIT;

    if (fixed || !f->pull) {
        if (image_inspect(d, image, out, &missing) == 0)
            return 0;
        if (missing.kind != ERR_NOT_FOUND)
            return err_move(e, &missing);
        if (!f->pull)
            return 0;
        if (is_id(image))
            return err_set(e, ERR_JOB, 0, "service '%s': image %s is not on target '%s', and no registry knows an image by "
                           "its id", s->name, image, f->context->target->name);
    }
    if (pull(f, image, e) < 0 || image_inspect(d, image, out, e) < 0)
        return explain(f->context, s->name, image, e);
    return 0;
}

/* ---- All of them ---- */

static const char *image_of(const struct images_from *f, const struct compose_service *s)
{
    const char *other = f->instead ? json_text(json_object_get(f->instead, s->name), "digest") : "";

    return *other ? other : s->image;
}

int images_get(const struct images_from *f, json_t **out, struct err *e)
{
    const struct compose *c = f->compose;
    const struct target *t = f->context->target;

    for (size_t i = 0; i < c->n; i++) {
        const struct compose_service *s = &c->services[i];
        const char *image = image_of(f, s);
        enum service_kind kind = service_kind(s, t);
        if (kind == SERVICE_EXTERNAL)
            continue;
        for (size_t j = 0; j < i && !out[i]; j++)
            if (out[j] && strcmp(image_of(f, &c->services[j]), image) == 0)
                out[i] = json_incref(out[j]);
        if (!out[i] && get_one(f, s, image, &out[i], e) < 0)
            return -1;
        if (out[i] && body_check_labels(s, out[i], e) < 0)
            return -1;
        /* What the target manages is its owner's to judge. */
        if (out[i] && kind != SERVICE_MANAGED && body_check_image(s, out[i], t, e) < 0)
            return -1;
    }
    return 0;
}

void images_release(json_t **images, size_t n)
{
    for (size_t i = 0; i < n; i++)
        json_decref(images[i]);
    free(images);
}
