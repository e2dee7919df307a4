#include "stages/deploy/release.h"

#include "base/number.h"
#include "base/text.h"
#include "engine/volume.h"
#include "stages/deploy/labels.h"

#include <stdlib.h>
#include <string.h>

#define BACK "rolled back to "

/* As a request for a rollback has it. What says more was not written here, and there is always a next one. */
#define NUMBER_MAX 999999999

static bool release_is_good(const struct release *r)
{
    return strcmp(r->result, "deployed") == 0 || text_starts(r->result, BACK);
}

int release_base(const struct release *r)
{
    int64_t number = r->number;

    if (text_starts(r->result, BACK))
        (void)number_parse(r->result + strlen(BACK), 1, INT32_MAX, &number);
    return (int)number;
}

/* ---- From and to JSON ---- */

static json_t *member(const json_t *record, const char *key)
{
    json_t *value = json_object_get(record, key);
    return value ? json_incref(value) : NULL;
}

static void read_one(const json_t *record, struct release *out)
{
    *out = (struct release){
        .number = (int)json_number(record, "number", 0),
        .commit = xstrdup(json_text(record, "commit")),
        .ref = xstrdup(json_text(record, "ref")),
        .who = xstrdup(json_text(record, "who")),
        .job_url = xstrdup(json_text(record, "job_url")),
        .when = json_number(record, "when", 0),
        .result = xstrdup(json_text(record, "result")),
        .services = member(record, "services"),
        .file = xstrdup(json_text(record, "file")),
        .compose = xstrdup(json_text(record, "compose")),
        .variables = member(record, "variables"),
        .secrets = member(record, "secrets"),
        .images = member(record, "images"),
    };
}

json_t *release_json(const struct release *r)
{
    const struct {
        const char *key, *value;
    } texts[] = {
        { "commit", r->commit }, { "ref", r->ref },   { "who", r->who },         { "job_url", r->job_url },
        { "result", r->result }, { "file", r->file }, { "compose", r->compose },
    };
    json_t *all = json_pack("{s:i, s:I, s:O*, s:O*, s:O*, s:O*}", "number", r->number, "when", (json_int_t)r->when, "services",
                            r->services, "variables", r->variables, "secrets", r->secrets, "images", r->images);

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        (void)json_object_set_new(all, texts[i].key, json_string(texts[i].value ? texts[i].value : ""));
    return all;
}

static int by_number(const void *a, const void *b)
{
    int x = ((const struct release *)a)->number, y = ((const struct release *)b)->number;
    return (x > y) - (x < y);
}

void releases_parse(const json_t *volumes, struct releases *out)
{
    size_t i;
    json_t *volume;

    *out = (struct releases){ xcalloc(json_array_size(volumes) + 1, sizeof(*out->items)), 0 };
    json_array_foreach(volumes, i, volume) {
        const json_t *labels = json_object_get(volume, "Labels");
        const char *text = json_text(labels, LABEL_RECORD);
        auto_json *record = NULL;
        if (json_parse(text, strlen(text), "a release's record", &record, NULL) < 0)
            continue;
        int64_t number = json_number(record, "number", 0);
        if (number < 1 || number > NUMBER_MAX)
            continue;
        auto_free char *name = release_volume(json_text(labels, LABEL_UNIT), (int)number);
        if (strcmp(name, json_text(volume, "Name")) == 0)
            read_one(record, &out->items[out->n++]);
    }
    qsort(out->items, out->n, sizeof(*out->items), by_number);
}

/* ---- Which of them ---- */

const struct release *releases_live(const struct releases *all)
{
    for (size_t i = all->n; i-- > 0;)
        if (release_is_good(&all->items[i]))
            return &all->items[i];
    return NULL;
}

int releases_next(const struct releases *all)
{
    return all->n ? all->items[all->n - 1].number + 1 : 1;
}

static const struct release *back_to(const struct releases *all, int number, struct err *e)
{
    for (size_t i = 0; i < all->n; i++) {
        const struct release *r = &all->items[i];
        if (r->number != number)
            continue;
        if (release_is_good(r))
            return r;
        (void)err_set(e, ERR_JOB, 0, "release %d failed, nothing to go back to; 'atelier releases' lists them", number);
        return NULL;
    }
    (void)err_set(e, ERR_JOB, 0, "there is no release %d; 'atelier releases' lists those that are kept", number);
    return NULL;
}

const struct release *releases_back(const struct releases *all, int number, struct err *e)
{
    const struct release *live = releases_live(all);

    if (number > 0)
        return back_to(all, number, e);
    for (size_t i = all->n; live && i-- > 0;) {
        const struct release *r = &all->items[i];
        if (r->number < release_base(live) && strcmp(r->result, "deployed") == 0)
            return r;
    }
    (void)err_set(e, ERR_JOB, 0, "there is no release before this one; 'atelier releases' lists those that are kept");
    return NULL;
}

void releases_old(const struct releases *all, int keep, struct strvec *numbers)
{
    int good = 0;

    for (size_t i = all->n; keep >= 0 && i-- > 0;) {
        if (good >= keep)
            strvec_pushf(numbers, "%d", all->items[i].number);
        good += release_is_good(&all->items[i]);
    }
}

/* ---- On the target ---- */

char *release_volume(const char *unit, int number)
{
    return xasprintf("atelier-release-%s-%d", unit, number);
}

int releases_read(struct engine *d, const char *unit, struct releases *out, struct err *e)
{
    auto_strvec labels = STRVEC_INIT;
    auto_json *volumes = NULL;

    strvec_pushf(&labels, "%s=%s", LABEL_UNIT, unit);
    strvec_push(&labels, LABEL_DUTY "=" DUTY_RELEASE);
    if (volume_list(d, &labels, &volumes, e) < 0)
        return err_wrap(e, "read the releases");
    releases_parse(volumes, out);
    return 0;
}

int release_write(struct engine *d, const char *unit, const struct release *r, struct err *e)
{
    auto_json *record = release_json(r);
    auto_free char *text = json_compact(record);
    auto_free char *name = release_volume(unit, r->number);
    auto_json *labels = json_pack("{s:s, s:s, s:s}", LABEL_UNIT, unit, LABEL_DUTY, DUTY_RELEASE, LABEL_RECORD, text);
    auto_json *there = NULL;

    if (volume_create(d, name, labels, e) < 0 || volume_inspect(d, name, &there, e) < 0)
        return err_wrap(e, "write the record of release %d", r->number);
    if (strcmp(json_text(json_object_get(there, "Labels"), LABEL_RECORD), text) != 0)
        return err_set(e, ERR_CONFLICT, 0, "there is a volume %s on the target that is no record of this deploy; remove it: "
                       "docker volume rm %s", name, name);
    return 0;
}

void release_release(struct release *r)
{
    char *const texts[] = { r->commit, r->ref, r->who, r->job_url, r->result, r->file, r->compose };

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        free(texts[i]);
    json_decref(r->services);
    json_decref(r->variables);
    json_decref(r->secrets);
    json_decref(r->images);
    *r = (struct release){ 0 };
}

void releases_release(struct releases *all)
{
    for (size_t i = 0; i < all->n; i++)
        release_release(&all->items[i]);
    free(all->items);
    *all = (struct releases){ 0 };
}
