#include "stages/deploy/release_plan.h"

#include "stages/deploy/labels.h"

#include <string.h>

/* The container of that id in the list, or NULL. */
static const json_t *containers_find(const json_t *containers, const char *id)
{
    size_t i;
    json_t *one;

    json_array_foreach(containers, i, one)
        if (*id && strcmp(json_text(one, "Id"), id) == 0)
            return one;
    return NULL;
}

static const char *label(const json_t *container, const char *key)
{
    return json_text(json_object_get(container, "Labels"), key);
}

/* ---- One step ---- */

/* The container that the target keeps for this service in all releases. */
static const json_t *find_managed(const json_t *containers, const char *service)
{
    size_t i;
    json_t *one;

    json_array_foreach(containers, i, one)
        if (strcmp(label(one, LABEL_DUTY), DUTY_MANAGED) == 0 && strcmp(label(one, LABEL_SERVICE), service) == 0)
            return one;
    return NULL;
}

static void decide_managed(struct plan_step *s, const json_t *there)
{
    if (!there) {
        s->action = STEP_CREATE;
        s->why = "the target manages it, and it is not there yet";
        return;
    }
    s->old = xstrdup(json_text(there, "Id"));
    bool same = strcmp(label(there, LABEL_REFERENCE), s->service->image) == 0;
    s->action = same ? STEP_KEEP : STEP_REPLACE;
    s->why = same ? "the target manages it" : "its image is another one; its data stay";
}

static void decide_once(struct plan_step *s, const json_t *last, bool back)
{
    bool same = strcmp(json_text(last, "hash"), s->body.hash ? s->body.hash : "?") == 0;

    s->action = same ? STEP_KEEP : back ? STEP_SKIP : STEP_RUN;
    s->why = same ? "it ran, and nothing changed" : back ? "what runs once does not run backwards" : "to its end";
}

static bool is_unhealthy(const json_t *container)
{
    return strstr(json_text(container, "Status"), "(unhealthy)") != NULL;
}

static void decide_service(struct plan_step *s, const json_t *last, const json_t *there)
{
    bool same_image = strcmp(json_text(last, "digest"), s->body.image ? s->body.image : "?") == 0;
    bool same = strcmp(json_text(last, "hash"), s->body.hash ? s->body.hash : "?") == 0;

    s->action = !there ? STEP_CREATE : same && !is_unhealthy(there) ? STEP_KEEP : STEP_REPLACE;
    if (!there)
        s->why = last ? "its container is gone" : "it is new";
    else if (same)
        s->why = is_unhealthy(there) ? "it is unhealthy" : "nothing changed";
    else
        s->why = same_image ? "its configuration changed" : "its image changed";
}

static void decide(const struct release_plan_from *from, struct plan_step *s)
{
    const json_t *last = from->live ? json_object_get(from->live->services, s->service->name) : NULL;
    const json_t *there = containers_find(from->containers, json_text(last, "container"));

    if (s->kind == SERVICE_MANAGED) {
        decide_managed(s, find_managed(from->containers, s->service->name));
        return;
    }
    if (there && strcmp(label(there, LABEL_DUTY), DUTY_MANAGED) != 0) {
        s->old = xstrdup(json_text(there, "Id"));
        s->old_routed = json_flag(last, "routed", false);
    }
    if (s->kind == SERVICE_ONCE)
        decide_once(s, last, from->back);
    else
        decide_service(s, last, s->old ? there : NULL);
}

/* Whether the container can write a folder that has this one in it. */
static bool can_replace(const json_t *container, const char *path)
{
    size_t i;
    json_t *mount;

    if (strcmp(label(container, LABEL_DUTY), DUTY_SERVICE) != 0)
        return false;
    json_array_foreach(json_object_get(container, "Mounts"), i, mount) {
        const char *above = json_text(mount, "Source");
        size_t len = strlen(above);
        if (len > 0 && json_flag(mount, "RW", true) && strncmp(path, above, len) == 0 && path[len] == '/')
            return true;
    }
    return false;
}

/* What the file must not have (compose_check_volumes) the release before may have: its containers run on meanwhile. */
static int check_volumes(const struct release_plan_from *from, const struct compose_service *s, struct err *e)
{
    auto_free char *folder = body_data_folder(from->target, from->who);
    size_t i;
    json_t *container;

    for (size_t v = 0; v < s->n_volumes; v++) {
        auto_free char *path = xasprintf("%s/%s", folder ? folder : "", s->volumes[v].source);
        json_array_foreach(from->containers, i, container)
            if (can_replace(container, path))
                return err_set(e, ERR_JOB, 0,
                               "service '%s': the volume ./%s is within one that '%s' of the release before can write, and "
                               "could be replaced by a link; deploy once without that one", s->name, s->volumes[v].source,
                               label(container, LABEL_SERVICE));
    }
    return 0;
}

static int make_step(const struct release_plan_from *from, size_t i, struct plan_step *s, struct err *e)
{
    const struct compose_service *service = &from->compose->services[i];
    const struct body_from body = { service, from->compose, from->images[i], from->target, from->who, from->number };

    *s = (struct plan_step){ .service = service, .kind = service_kind(service, from->target) };
    if (s->kind == SERVICE_EXTERNAL) {
        s->action = STEP_EXTERNAL;
        s->why = "the target has it elsewhere";
        return 0;
    }
    if (check_volumes(from, service, e) < 0 || (from->images[i] && body_make(&body, &s->body, e) < 0))
        return -1;
    s->name = xasprintf("%s.%s.%d", from->who->unit, service->name, from->number);
    decide(from, s);
    return 0;
}

/* ---- All of them ---- */

static void find_gone(const struct release_plan_from *from, struct release_plan *out)
{
    const char *name;
    json_t *last;

    json_object_foreach(from->live ? from->live->services : NULL, name, last) {
        const json_t *there = containers_find(from->containers, json_text(last, "container"));
        if (compose_find(from->compose, name) || !there || strcmp(label(there, LABEL_DUTY), DUTY_SERVICE) != 0)
            continue;
        strvec_push(&out->gone, json_text(there, "Id"));
        strvec_push(&out->gone_names, name);
    }
}

int release_plan_make(const struct release_plan_from *from, struct release_plan *out, struct err *e)
{
    *out = (struct release_plan){ .steps = xcalloc(from->compose->n + 1, sizeof(*out->steps)) };
    for (; out->n < from->compose->n; out->n++)
        if (make_step(from, out->n, &out->steps[out->n], e) < 0) {
            out->n++;
            release_plan_release(out);
            return -1;
        }
    find_gone(from, out);
    return 0;
}

bool release_plan_is_empty(const struct release_plan *p)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->steps[i].action == STEP_CREATE || p->steps[i].action == STEP_REPLACE || p->steps[i].action == STEP_RUN)
            return false;
    return p->gone.n == 0;
}

const char *plan_step_word(const struct plan_step *s)
{
    static const char *const words[] = {
        [STEP_KEEP] = "keep", [STEP_CREATE] = "create", [STEP_REPLACE] = "replace",
        [STEP_RUN] = "run once", [STEP_SKIP] = "do not run", [STEP_EXTERNAL] = "managed",
    };

    if (s->kind == SERVICE_CRON && s->action == STEP_CREATE)
        return "register cron job";
    return s->kind == SERVICE_MANAGED && s->action == STEP_KEEP ? "managed, keep" : words[s->action];
}

void release_plan_lines(const struct release_plan *p, struct strvec *out)
{
    for (size_t i = 0; i < p->n; i++)
        strvec_pushf(out, "%s: %s (%s)", p->steps[i].service->name, plan_step_word(&p->steps[i]), p->steps[i].why);
    for (size_t i = 0; i < p->gone_names.n; i++)
        strvec_pushf(out, "%s: remove (the file has it no more)", p->gone_names.items[i]);
}

void release_plan_release(struct release_plan *p)
{
    for (size_t i = 0; i < p->n; i++) {
        body_release(&p->steps[i].body);
        free(p->steps[i].name);
        free(p->steps[i].old);
    }
    free(p->steps);
    strvec_release(&p->gone);
    strvec_release(&p->gone_names);
    *p = (struct release_plan){ 0 };
}

/* ---- What a deploy that was killed left ---- */

static const json_t *of_release(const struct release *live, const char *id)
{
    const char *name;
    json_t *one;

    json_object_foreach(live ? live->services : NULL, name, one)
        if (strcmp(json_text(one, "container"), id) == 0)
            return one;
    return NULL;
}

/* Whether the release that serves has its container for this service, so that no other one is needed. */
static bool has_another(const json_t *containers, const struct release *live, const char *service)
{
    const json_t *one = live ? json_object_get(live->services, service) : NULL;

    return containers_find(containers, json_text(one, "container")) != NULL;
}

void leftovers_find(const json_t *containers, const struct release *live, struct leftovers *out)
{
    size_t i;
    json_t *container;

    *out = (struct leftovers){ STRVEC_INIT, STRVEC_INIT };
    json_array_foreach(containers, i, container) {
        const char *id = json_text(container, "Id"), *duty = label(container, LABEL_DUTY);
        const json_t *one = of_release(live, id);
        bool managed = strcmp(duty, DUTY_MANAGED) == 0 && !has_another(containers, live, label(container, LABEL_SERVICE));
        bool runs = strcmp(json_text(container, "State"), "running") == 0;
        if (strcmp(duty, DUTY_LOCK) == 0)
            continue;
        if (!one && !managed)
            strvec_push(&out->remove, id);
        else if (!runs && !json_flag(one, "once", false))
            strvec_push(&out->start, id);
    }
}

void leftovers_release(struct leftovers *l)
{
    strvec_release(&l->remove);
    strvec_release(&l->start);
}
