#include "stages/deploy/superseded.h"

#include "engine/image.h"
#include "engine/volume.h"
#include "stages/deploy/labels.h"

#include <string.h>

static bool lists(const json_t *ids, const char *id)
{
    const json_t *one;
    size_t i;

    json_array_foreach(ids, i, one)
        if (json_is_string(one) && strcmp(json_string_value(one), id) == 0)
            return true;
    return false;
}

static bool is_among(const json_t *images, const char *id)
{
    const json_t *one;
    size_t i;

    json_array_foreach(images, i, one)
        if (strcmp(json_text(one, "Id"), id) == 0)
            return true;
    return false;
}

static bool was_brought(const struct releases *history, const char *id)
{
    for (size_t i = 0; i < history->n; i++)
        if (lists(history->items[i].images, id))
            return true;
    return false;
}

json_t *superseded_brought(const json_t *before, json_t *const *images, size_t n, const struct releases *history)
{
    json_t *ids = json_array();

    for (size_t i = 0; i < n; i++) {
        const char *id = json_text(images[i], "Id");
        bool is_new = before && !is_among(before, id);
        if (*id && !lists(ids, id) && (is_new || was_brought(history, id)))
            (void)json_array_append_new(ids, json_string(id));
    }
    return ids;
}

static bool leaves(const struct release *r, const struct strvec *numbers)
{
    auto_free char *number = xasprintf("%d", r->number);

    return strvec_has(numbers, number);
}

static bool stays(const struct releases *history, const struct strvec *numbers, const char *id)
{
    for (size_t i = 0; i < history->n; i++)
        if (!leaves(&history->items[i], numbers) && lists(history->items[i].images, id))
            return true;
    return false;
}

void superseded_find(const struct releases *history, const struct strvec *numbers, const json_t *now, struct strvec *ids)
{
    const json_t *one;
    size_t k;

    for (size_t i = 0; i < history->n; i++) {
        if (!leaves(&history->items[i], numbers))
            continue;
        json_array_foreach(history->items[i].images, k, one) {
            const char *id = json_is_string(one) ? json_string_value(one) : "";
            if (*id && !lists(now, id) && !stays(history, numbers, id) && !strvec_has(ids, id))
                strvec_push(ids, id);
        }
    }
}

static bool names(const struct release *r, const json_t *image)
{
    const char *id = json_text(image, "Id"), *service;
    json_t *entry;

    json_object_foreach(r->services, service, entry) {
        const char *digest = json_text(entry, "digest");
        if (strcmp(digest, id) == 0 || lists(json_object_get(image, "RepoDigests"), digest))
            return true;
    }
    return lists(r->images, id);
}

bool superseded_is_named(const struct releases *all, const json_t *image)
{
    for (size_t i = 0; i < all->n; i++)
        if (names(&all->items[i], image))
            return true;
    return false;
}

static bool remove_one(const struct deploy_context *c, const struct releases *all, const char *id)
{
    auto_json *image = NULL;

    if (image_inspect(c->engine, id, &image, NULL) < 0 || superseded_is_named(all, image))
        return false;
    return image_remove(c->engine, id, NULL) == 0;
}

void superseded_remove(const struct deploy_context *c, const struct voice *v, const struct strvec *ids)
{
    auto_strvec labels = STRVEC_INIT;
    auto_json *volumes = NULL;
    auto_releases all = { 0 };
    size_t gone = 0;

    strvec_push(&labels, LABEL_DUTY "=" DUTY_RELEASE);
    if (ids->n == 0 || volume_list(c->engine, &labels, &volumes, NULL) < 0)
        return;
    releases_parse(volumes, &all);
    for (size_t i = 0; i < ids->n; i++)
        gone += remove_one(c, &all, ids->items[i]);
    if (gone > 0)
        voice_info(v, "%zu image%s of releases that are no longer kept removed", gone, gone == 1 ? "" : "s");
}
