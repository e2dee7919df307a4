#include "stages/deploy/routing_given.h"

#include "base/text.h"
#include "stages/deploy/routing_name.h"
#include "stages/deploy/routing_segment.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#define PREFIX "traefik."

enum kind { ROUTER, SERVICE, MIDDLEWARE, OTHER };
static const char *const kinds[] = { [ROUTER] = "routers", [SERVICE] = "services", [MIDDLEWARE] = "middlewares" };

/* "traefik.http.routers.web.rule=…", taken apart; key names have no case there. */
struct given {
    enum kind kind;
    char *name;     /* web */
    char *option;   /* rule */
    char *label;    /* traefik.http.routers.web.rule */
    const char *value;
};

static void given_release(struct given *g)
{
    free(g->name);
    free(g->option);
    free(g->label);
}
#define auto_given __attribute__((cleanup(given_release))) struct given

bool routing_is_given(const char *label)
{
    static const char *const floors[] = { "http.", "tcp.", "udp.", "tls." };

    if (strncasecmp(label, PREFIX, strlen(PREFIX)) != 0)
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(floors); i++)
        if (strncasecmp(label + strlen(PREFIX), floors[i], strlen(floors[i])) == 0)
            return true;
    return false;
}

static int take_apart(const char *entry, struct given *out, struct err *e)
{
    static const char http[] = PREFIX "http.";
    size_t len = strcspn(entry, "=");
    *out = (struct given){ .kind = OTHER, .label = xstrndup(entry, len), .value = entry + len + (entry[len] == '=') };

    if (strncasecmp(out->label, http, strlen(http)) != 0)
        return err_set(e, ERR_JOB, 0, "%s: only HTTP is routed here (traefik.http.…)", out->label);
    const char *kind = out->label + strlen(http);
    const char *name = kind + strcspn(kind, ".");
    const char *option = *name ? name + 1 + strcspn(name + 1, ".") : name;
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        if ((size_t)(name - kind) == strlen(kinds[i]) && strncasecmp(kind, kinds[i], strlen(kinds[i])) == 0)
            out->kind = (enum kind)i;
    if (!*option || out->kind == OTHER || option == name + 1)
        return err_set(e, ERR_JOB, 0, "%s: it is traefik.http.routers, services or middlewares, a name, and an option", out->label);
    out->name = xstrndup(name + 1, (size_t)(option - name - 1));
    out->option = xstrdup(option + 1);
    return 0;
}

static bool defines(const struct routing_from *from, enum kind kind, const char *name)
{
    for (size_t i = 0; i < from->labels->n; i++) {
        auto_given g = { 0 };
        if (routing_is_given(from->labels->items[i]) && take_apart(from->labels->items[i], &g, NULL) == 0 &&
            g.kind == kind && strcmp(g.name, name) == 0)
            return true;
    }
    return false;
}

static const char *option_of(const struct routing_from *from, enum kind kind, const char *name, const char *option)
{
    for (size_t i = 0; i < from->labels->n; i++) {
        auto_given g = { 0 };
        if (routing_is_given(from->labels->items[i]) && take_apart(from->labels->items[i], &g, NULL) == 0 &&
            g.kind == kind && strcmp(g.name, name) == 0 && routing_same(g.option, option))
            return g.value;
    }
    return NULL;
}

static char *release_name(const struct routing_from *from, const char *name)
{
    return from->generation > 0 ? routing_shared_name(from, name) : xstrdup(name);
}

/* One name that an option refers to: "auth", "auth@docker", "auth@file". */
static int give_reference(const struct routing_from *from, enum kind kind, const struct given *g, const char *name,
                          struct strbuf *out, struct err *e)
{
    size_t len = strcspn(name, "@");
    auto_free char *bare = xstrndup(name, len);
    bool ours = !name[len] || routing_same(name + len, "@docker");

    if (routing_same(name + len, "@internal"))
        return err_set(e, ERR_JOB, 0, "%s: what is Traefik's own cannot be routed to", g->label);
    if (ours && defines(from, kind, bare)) {
        auto_free char *renamed = release_name(from, bare);
        strbuf_printf(out, "%s%s", renamed, name + len);
    } else {
        strbuf_puts(out, name);
    }
    return 0;
}

static int give_references(const struct routing_from *from, enum kind kind, const struct given *g, struct strbuf *out,
                           struct err *e)
{
    auto_free char *copy = xstrdup(g->value);
    char *save = NULL;

    for (char *name = strtok_r(copy, ", \t\n", &save); name; name = strtok_r(NULL, ", \t\n", &save)) {
        if (out->len > 0)
            strbuf_putc(out, ',');
        if (give_reference(from, kind, g, name, out, e) < 0)
            return -1;
    }
    return 0;
}

/* The options that name something else. */
static enum kind kind_named_by(const struct given *g)
{
    static const struct {
        enum kind of;
        const char *option;
        enum kind names;
    } options[] = {
        { ROUTER, "service", SERVICE },
        { ROUTER, "middlewares", MIDDLEWARE },
        { MIDDLEWARE, "chain.middlewares", MIDDLEWARE },
        { MIDDLEWARE, "errors.service", SERVICE },
    };

    for (size_t i = 0; i < ARRAY_SIZE(options); i++)
        if (g->kind == options[i].of && routing_same(g->option, options[i].option))
            return options[i].names;
    return OTHER;
}

static int give(const struct routing_from *from, const struct given *g, struct strvec *out, struct err *e)
{
    auto_strbuf value = STRBUF_TEXT;
    auto_free char *name = release_name(from, g->name);
    enum kind named = kind_named_by(g);

    if (named == OTHER)
        strbuf_puts(&value, g->value);
    else if (give_references(from, named, g, &value, e) < 0)
        return -1;
    strvec_pushf(out, PREFIX "http.%s.%s.%s=%s", kinds[g->kind], name, g->option, strbuf_text(&value));
    return 0;
}

/* At its rule, which every router has once: its priority, which thus no router lacks. */
static int give_priority(const struct routing_from *from, const struct given *g, struct strvec *out, struct err *e)
{
    auto_free char *name = release_name(from, g->name);
    const char *given = option_of(from, ROUTER, g->name, "priority");
    auto_free char *label = given ? xasprintf(PREFIX "http.routers.%s.priority", g->name) : xstrdup(g->label);
    int64_t priority;

    if (from->generation == 0 && !given)
        return 0;
    if (routing_priority_read(from, given, label, strlen(g->value), &priority, e) < 0)
        return -1;
    strvec_pushf(out, PREFIX "http.routers.%s.priority=%" PRId64, name, priority);
    return 0;
}

int routing_given_labels(const struct routing_from *from, struct strvec *out, struct err *e)
{
    bool has_rule = false;

    for (size_t i = 0; i < from->labels->n; i++) {
        auto_given g = { 0 };
        if (!routing_is_given(from->labels->items[i]))
            continue;
        if (take_apart(from->labels->items[i], &g, e) < 0)
            return -1;
        bool rule = g.kind == ROUTER && routing_same(g.option, "rule");
        if (g.kind == ROUTER && !option_of(from, ROUTER, g.name, "rule"))
            return err_set(e, ERR_JOB, 0, "%s: the router has no rule; write traefik.http.routers.%s.rule", g.label, g.name);
        has_rule |= rule;
        if (g.kind == ROUTER && routing_same(g.option, "priority"))
            continue;
        if (give(from, &g, out, e) < 0 || (rule && give_priority(from, &g, out, e) < 0))
            return -1;
    }
    if (!has_rule)
        return err_set(e, ERR_JOB, 0, "traefik.http.…: there is no router; write traefik.http.routers.NAME.rule");
    return 0;
}
