/* stages/deploy/compose_depends.c: who waits for whom: depends_on, links, and that no circle comes of it. */
#include "stages/deploy/compose_reader.h"

#include "base/text.h"

#include <string.h>

static const struct {
    const char *name;
    enum compose_condition condition;
} conditions[] = {
    { "service_started", DEPENDS_STARTED },
    { "service_healthy", DEPENDS_HEALTHY },
    { "service_completed_successfully", DEPENDS_COMPLETED },
};

/* Whether the file has a service of that name; the nearest one is named when not. */
static bool is_service(struct compose_reader *r, const struct yaml *at, const char *keyword, const char *name)
{
    auto_strvec names = STRVEC_INIT;

    if (yaml_get(r->services, name))
        return true;
    for (size_t i = 0; i < r->services->n; i++)
        strvec_push(&names, r->services->items[i]->key);
    auto_free char *shown = text_quote(name);
    const char *near = text_nearest(name, (const char *const *)strvec_list(&names));
    auto_free char *shown_near = near ? text_quote(near) : NULL;
    compose_problem(r, at, "`%s` in `%s` is no service of this file; %s%s%s", shown, keyword,
                    near ? "did you mean `" : "write one, or take it out", near ? shown_near : "", near ? "`?" : "");
    return false;
}

/* Each once; a condition that is stronger than "started" stays, whatever comes after it. */
static void add(struct compose_service *s, const char *name, enum compose_condition condition)
{
    for (size_t i = 0; i < s->n_depends; i++) {
        if (strcmp(s->depends[i].service, name) != 0)
            continue;
        if (condition != DEPENDS_STARTED)
            s->depends[i].condition = condition;
        return;
    }
    s->depends = xreallocarray(s->depends, s->n_depends + 1, sizeof(*s->depends));
    s->depends[s->n_depends++] = (struct compose_depends){ xstrdup(name), condition };
}

static void read_list(struct compose_reader *r, const struct yaml *y, struct compose_service *s)
{
    for (size_t i = 0; i < y->n; i++) {
        auto_free char *name = compose_text(r, y->items[i], "depends_on", COMPOSE_LINE, NULL);
        if (name && is_service(r, y->items[i], "depends_on", name))
            add(s, name, DEPENDS_STARTED);
    }
}

static void read_condition(struct compose_reader *r, const struct yaml *y, enum compose_condition *out)
{
    auto_free char *text = compose_text(r, y, "condition", COMPOSE_LINE, NULL);

    if (!text)
        return;
    for (size_t i = 0; i < ARRAY_SIZE(conditions); i++) {
        if (strcmp(conditions[i].name, text) == 0) {
            *out = conditions[i].condition;
            return;
        }
    }
    auto_free char *shown = text_quote(text);
    compose_problem(r, y, "`condition` is `%s`; it must be service_started, service_healthy or "
                    "service_completed_successfully", shown);
}

static void read_map(struct compose_reader *r, const struct yaml *y, struct compose_service *s)
{
    static const char *const known[] = { "condition", "restart", "required", NULL };

    for (size_t i = 0; i < y->n; i++) {
        const struct yaml *item = y->items[i];
        enum compose_condition condition = DEPENDS_STARTED;
        bool required = true;
        if (!compose_absent(item) && compose_is(r, item, YAML_MAP, item->key, "a map with a `condition`")) {
            compose_check_keys(r, item, "depends_on", known);
            const struct yaml *wanted = yaml_get(item, "condition"), *need = yaml_get(item, "required");
            if (!compose_absent(wanted))
                read_condition(r, wanted, &condition);
            if (!compose_absent(need))
                compose_read_bool(r, need, "required", &required);
        }
        if ((!required && !yaml_get(r->services, item->key)) || !is_service(r, item, "depends_on", item->key))
            continue;
        add(s, item->key, condition);
    }
}

void compose_read_depends_on(struct compose_reader *r, const struct yaml *y, struct compose_service *s)
{
    if (y->type == YAML_LIST)
        read_list(r, y, s);
    else if (compose_is(r, y, YAML_MAP, "depends_on", "a list of services, or a map of them"))
        read_map(r, y, s);
}

/* SERVICE or SERVICE:ALIAS */
void compose_read_links(struct compose_reader *r, const struct yaml *y, struct compose_service *s)
{
    if (!compose_is(r, y, YAML_LIST, "links", "a list of services; write `depends_on` instead"))
        return;
    for (size_t i = 0; i < y->n; i++) {
        const struct yaml *item = y->items[i];
        auto_free char *name = compose_text(r, item, "links", COMPOSE_LINE, NULL);
        if (!name)
            continue;
        char *alias = strchr(name, ':');
        if (alias)
            *alias++ = '\0';
        if (!is_service(r, item, "links", name))
            continue;
        add(s, name, DEPENDS_STARTED);
        if (alias && strcmp(alias, name) != 0) {
            auto_free char *shown = text_quote(alias);
            auto_free char *shown_name = text_quote(name);
            compose_problem(r, item, "the other name `%s` is not made; reach the service as `%s`, and write "
                            "`depends_on`", shown, shown_name);
        }
    }
}

/* ---- Cycles ---- */

struct walk {
    struct compose_reader *r;
    size_t path[101]; /* the services on the way, each waiting for the next; as many as there may be, and one */
    size_t n;
    bool *done; /* of each service: nothing behind it leads back */
};

static size_t place_of(const struct compose *c, const char *name)
{
    size_t i = 0;

    while (i < c->n && strcmp(c->services[i].name, name) != 0)
        i++;
    return i;
}

/* The service `again` is on the path already. */
static void say_cycle(struct walk *w, size_t again)
{
    const struct compose *c = w->r->compose;
    size_t first = 0;
    auto_strbuf text = STRBUF_TEXT;

    while (w->path[first] != again)
        first++;
    for (size_t i = first; i < w->n; i++)
        strbuf_printf(&text, "%s -> ", c->services[w->path[i]].name);
    strbuf_puts(&text, c->services[again].name);
    const struct yaml *at = yaml_get(w->r->services, c->services[again].name);
    auto_free char *shown = text_quote(strbuf_text(&text));
    compose_key_problem(w->r, at, "services wait for each other in a circle (%s); take one out of `depends_on`", shown);
}

static bool is_on_path(const struct walk *w, size_t service)
{
    for (size_t i = 0; i < w->n; i++)
        if (w->path[i] == service)
            return true;
    return false;
}

/* As deep as there are services. */
static void visit(struct walk *w, size_t service)
{
    const struct compose *c = w->r->compose;

    if (service == c->n || w->done[service])
        return;
    if (is_on_path(w, service)) {
        say_cycle(w, service);
        return;
    }
    w->path[w->n++] = service;
    for (size_t i = 0; i < c->services[service].n_depends; i++)
        visit(w, place_of(c, c->services[service].depends[i].service));
    w->n--;
    w->done[service] = true;
}

void compose_check_order(struct compose_reader *r)
{
    auto_free bool *done = xcalloc(r->compose->n + 1, sizeof(*done));
    struct walk w = { .r = r, .done = done };

    for (size_t i = 0; i < r->compose->n; i++)
        visit(&w, i);
}
