#include "stages/deploy/routing_router.h"

#include "base/text.h"
#include "stages/deploy/routing_label.h"
#include "stages/deploy/routing_name.h"

#include <inttypes.h>
#include <string.h>

#define TLS_MARK ":tls"

static bool routing_is_tls(const char *entrypoint)
{
    static const char *const names[] = { "https", "websecure", NULL };

    return text_is_any(entrypoint, names) || text_ends(entrypoint, TLS_MARK);
}

static char *bare_name(const char *entrypoint)
{
    return xstrndup(entrypoint, strlen(entrypoint) - (text_ends(entrypoint, TLS_MARK) ? strlen(TLS_MARK) : 0));
}

bool routing_names_tls(const struct target *target, const char *name)
{
    for (size_t i = 0; i < target->entrypoints.n; i++) {
        auto_free char *bare = bare_name(target->entrypoints.items[i]);
        if (strcmp(bare, name) == 0)
            return routing_is_tls(target->entrypoints.items[i]);
    }
    return routing_is_tls(name);
}

/* Which requests a segment's routers are for. */
struct entrances {
    bool given; /* the target has named its entry points */
    bool plain, tls;
    struct strvec plain_names, tls_names;
};

#define ENTRANCES_INIT { .plain_names = STRVEC_INIT, .tls_names = STRVEC_INIT }

static void entrances_release(struct entrances *a)
{
    strvec_release(&a->plain_names);
    strvec_release(&a->tls_names);
}

static void give_entrance(struct entrances *a, const char *name)
{
    bool tls = routing_is_tls(name);
    auto_free char *bare = bare_name(name);

    *(tls ? &a->tls : &a->plain) = true;
    if (a->given)
        strvec_push(tls ? &a->tls_names : &a->plain_names, bare);
}

/* One name of the label: `http` and `https` are whatever the target calls them. */
static int add_entrance(struct entrances *a, const struct strvec *known, const struct routing_label *l, const char *name,
                        struct err *e)
{
    size_t before = a->plain_names.n + a->tls_names.n;
    bool http = strcmp(name, "http") == 0, https = strcmp(name, "https") == 0;

    for (size_t i = 0; i < known->n; i++) {
        bool tls = routing_is_tls(known->items[i]);
        auto_free char *bare = bare_name(known->items[i]);
        if ((https && tls) || (http && !tls) || strcmp(bare, name) == 0)
            give_entrance(a, known->items[i]);
    }
    if (!a->given && (http || https))
        give_entrance(a, name);
    else if (a->plain_names.n + a->tls_names.n == before) {
        auto_free char *shown = text_quote(name);
        auto_free char *all = known->n ? strvec_join(known, ", ") : xstrdup("http, https");
        return err_set(e, ERR_JOB, 0, "%s: the target has no entry point `%s`; it has %s", l->label, shown, all);
    }
    return 0;
}

static int find_entrances(const struct routing_from *from, const struct routing_segment *segment, struct entrances *out,
                          struct err *e)
{
    const struct routing_label *l = routing_segment_find(segment, "frontend.entryPoints");
    const struct strvec *known = &from->target->entrypoints;

    out->given = known->n > 0;
    if (l) {
        auto_free char *copy = xstrdup(l->value);
        char *save = NULL;
        for (char *name = strtok_r(copy, ", \t\n", &save); name; name = strtok_r(NULL, ", \t\n", &save))
            if (add_entrance(out, known, l, name, e) < 0)
                return -1;
        return 0;
    }
    for (size_t i = 0; i < known->n; i++)
        give_entrance(out, known->items[i]);
    if (known->n == 0) {
        out->plain = true;
        out->tls = from->target->certresolver && *from->target->certresolver;
    }
    return 0;
}

char *routing_segment_backend(const struct routing_from *from, const struct routing_segment *segment)
{
    const struct routing_label *backend = routing_segment_find(segment, "backend");

    return backend ? routing_shared_name(from, backend->value) : routing_own_name(from, segment->name);
}

int routing_segment_priority(const struct routing_from *from, const struct routing_segment *segment, int64_t *out,
                             struct err *e)
{
    const struct routing_label *rule = routing_segment_find(segment, "frontend.rule");
    const struct routing_label *priority = routing_segment_find(segment, "frontend.priority");
    /* To Traefik 1 what is not above 0 is the default. */
    const char *text = priority && *priority->value != '-' ? priority->value : NULL;

    return routing_priority_read(from, text, priority ? priority->label : rule->label, rule->written, out, e);
}

struct router {
    const char *name, *rule;
    int64_t priority;
    bool tls;
    const struct strvec *entrypoints;
};

static bool skips(const struct routing_translation *t, const struct routing_middleware *m, const struct router *r)
{
    const struct routing_label *to = routing_segment_find(t->segment, "frontend.redirect.entryPoint");

    /* Traefik 1 does not redirect to where the request has come. */
    return strcmp(m->type, "redirectscheme") == 0 && to && routing_names_tls(t->from->target, to->value) == r->tls;
}

static void give_router(struct routing_translation *t, const struct router *r)
{
    auto_strvec middlewares = STRVEC_INIT;
    auto_free char *router = xasprintf("traefik.http.routers.%s", r->name);

    strvec_pushf(t->out, "%s.rule=%s", router, r->rule);
    strvec_pushf(t->out, "%s.priority=%" PRId64, router, r->priority);
    strvec_pushf(t->out, "%s.service=%s", router, t->service);
    if (r->entrypoints->n > 0) {
        auto_free char *names = strvec_join(r->entrypoints, ",");
        strvec_pushf(t->out, "%s.entrypoints=%s", router, names);
    }
    for (size_t i = 0; i < t->n; i++)
        if (!skips(t, &t->middlewares[i], r))
            strvec_push(&middlewares, t->middlewares[i].name);
    if (middlewares.n > 0) {
        auto_free char *names = strvec_join(&middlewares, ",");
        strvec_pushf(t->out, "%s.middlewares=%s", router, names);
    }
    if (!r->tls)
        return;
    strvec_pushf(t->out, "%s.tls=true", router);
    if (t->from->target->certresolver && *t->from->target->certresolver)
        strvec_pushf(t->out, "%s.tls.certresolver=%s", router, t->from->target->certresolver);
}

static int give_routers(struct routing_translation *t, const struct routing_rule *rule)
{
    struct entrances entrances __attribute__((cleanup(entrances_release))) = ENTRANCES_INIT;
    struct router r = { .name = t->router, .rule = rule->text };

    if (routing_segment_priority(t->from, t->segment, &r.priority, t->e) < 0 ||
        find_entrances(t->from, t->segment, &entrances, t->e) < 0)
        return -1;
    if (entrances.plain) {
        r.entrypoints = &entrances.plain_names;
        give_router(t, &r);
    }
    if (entrances.tls) {
        auto_free char *part = xasprintf("%s%stls", t->segment->name, *t->segment->name ? "-" : "");
        auto_free char *name = routing_own_name(t->from, part);
        r.name = name, r.tls = true, r.entrypoints = &entrances.tls_names;
        give_router(t, &r);
    }
    return 0;
}

static int translate(struct routing_translation *t)
{
    const struct routing_label *rule = routing_segment_find(t->segment, "frontend.rule");
    const struct routing_label *pass = routing_segment_find(t->segment, "frontend.passHostHeader");
    auto_routing_rule read = ROUTING_RULE_INIT;

    if (routing_rule_read(rule->value, t->from->to, &read, t->e) < 0)
        return err_wrap(t->e, "%s", rule->label);
    /* A service is there by one label at least. */
    strvec_pushf(t->out, "traefik.http.services.%s.loadbalancer.passhostheader=%s", t->service, pass ? pass->value : "true");
    if (routing_labels_translate(t) < 0 || routing_rule_middlewares(t, &read) < 0)
        return -1;
    return give_routers(t, &read);
}

int routing_segment_translate(const struct routing_from *from, const struct routing_segment *segment, struct strvec *out,
                              struct err *e)
{
    struct routing_translation t = { .from = from, .segment = segment, .out = out, .e = e };

    t.router = routing_own_name(from, segment->name);
    t.service = routing_segment_backend(from, segment);
    int done = translate(&t);
    routing_translation_release(&t);
    return done;
}
