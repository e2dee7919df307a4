#include "stages/deploy/routing_label.h"

#include "base/number.h"
#include "base/text.h"
#include "stages/deploy/routing_name.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static const char *const stage_names[] = {
    [STAGE_ERRORS] = "errors", [STAGE_ALLOW] = "allow", [STAGE_REDIRECT] = "redirect", [STAGE_HEADERS] = "headers",
    [STAGE_CERTIFICATE] = "certificate", [STAGE_AUTH] = "auth", [STAGE_STRIP_REGEX] = "stripregex", [STAGE_STRIP] = "strip",
    [STAGE_ADD_PREFIX] = "addprefix", [STAGE_REPLACE_REGEX] = "replaceregex", [STAGE_REPLACE_PATH] = "replacepath",
    [STAGE_BREAKER] = "breaker", [STAGE_BUFFERING] = "buffering", [STAGE_CONNECTIONS] = "connections", [STAGE_RATE] = "rate",
};

struct row {
    const char *key; /* `*` is one word; at the end all that follows */
    int (*give)(struct routing_translation *t, const struct row *row, const struct routing_label *l, const char *star);
    const char *to; /* below the service's or the middleware's name; of refused ones what to do instead */
    enum routing_stage stage;
};

static int refuse(struct routing_translation *t, const struct routing_label *l, const char *why)
{
    return err_set(t->e, ERR_JOB, 0, "%s: %s", l->label, why);
}

static bool is_yes(const char *value)
{
    bool yes = false;

    return bool_parse(value, &yes) == 0 && yes;
}

/* ---- Giving ---- */

/* A middleware of one stage; `index` tells several apart, "" is the only one. */
static const char *middleware(struct routing_translation *t, enum routing_stage stage, const char *index, const char *type)
{
    const char *segment = t->segment->name;
    auto_free char *part = xasprintf("%s%s%s%s%s", segment, *segment ? "-" : "", stage_names[stage], *index ? "-" : "", index);
    auto_free char *name = routing_own_name(t->from, part);
    size_t at = 0;

    for (; at < t->n && t->middlewares[at].stage <= stage; at++)
        if (strcmp(t->middlewares[at].name, name) == 0)
            return strcmp(t->middlewares[at].type, type) == 0 ? t->middlewares[at].name : NULL;
    t->middlewares = xreallocarray(t->middlewares, t->n + 1, sizeof(*t->middlewares));
    memmove(&t->middlewares[at + 1], &t->middlewares[at], (t->n - at) * sizeof(*t->middlewares));
    t->n++;
    t->middlewares[at] = (struct routing_middleware){ take(&name), stage, xstrdup(type) };
    return t->middlewares[at].name;
}

static const struct routing_middleware *middleware_of(const struct routing_translation *t, enum routing_stage stage)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->middlewares[i].stage == stage)
            return &t->middlewares[i];
    return NULL;
}

/* `to` begins with the middleware's type. */
static int give_middleware(struct routing_translation *t, const struct routing_label *l, enum routing_stage stage,
                           const char *index, const char *to, const char *value)
{
    auto_free char *type = xstrndup(to, strcspn(to, "."));
    const char *name = middleware(t, stage, index, type);

    if (!name)
        return refuse(t, l, "another label asks for something else in its place; only one of them can be");
    strvec_pushf(t->out, "traefik.http.middlewares.%s.%s=%s", name, to, value);
    return 0;
}

static char *lower(const char *text)
{
    char *out = xstrdup(text);

    for (char *c = out; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    return out;
}

/* ---- What rows do ---- */

static int elsewhere(struct routing_translation *t, const struct row *row, const struct routing_label *l, const char *star)
{
    (void)t, (void)row, (void)l, (void)star;
    return 0;
}

static int to_service(struct routing_translation *t, const struct row *row, const struct routing_label *l, const char *star)
{
    (void)star;
    strvec_pushf(t->out, "traefik.http.services.%s.loadbalancer.%s=%s", t->service, row->to, l->value);
    return 0;
}

static int to_port(struct routing_translation *t, const struct row *row, const struct routing_label *l, const char *star)
{
    int64_t port;

    if (number_parse(l->value, 1, 65535, &port) < 0)
        return refuse(t, l, "a port is a number from 1 to 65535");
    return to_service(t, row, l, star);
}

/* Where Traefik 2 and later look only whether it is there. */
static int to_service_if(struct routing_translation *t, const struct row *row, const struct routing_label *l, const char *star)
{
    return is_yes(l->value) ? to_service(t, row, l, star) : 0;
}

static int to_middleware(struct routing_translation *t, const struct row *row, const struct routing_label *l, const char *star)
{
    (void)star;
    return give_middleware(t, l, row->stage, "", row->to, l->value);
}

/* `to` goes on with what the star stands for. */
static int to_middleware_rest(struct routing_translation *t, const struct row *row, const struct routing_label *l,
                              const char *star)
{
    auto_free char *rest = lower(star);
    auto_free char *to = xasprintf("%s%s", row->to, rest);

    return give_middleware(t, l, row->stage, "", to, l->value);
}

/* One middleware for each word that the star stands for. */
static int to_middlewares(struct routing_translation *t, const struct row *row, const struct routing_label *l, const char *star)
{
    return give_middleware(t, l, row->stage, star, row->to, l->value);
}

/* "A:b||C:d": a label for each; an empty value takes a header away. */
static int to_list(struct routing_translation *t, const struct row *row, const struct routing_label *l, const char *star)
{
    auto_free char *copy = xstrdup(l->value);

    (void)star;
    for (char *at = copy, *next; at; at = next) {
        next = strstr(at, "||");
        if (next)
            *next = '\0', next += 2;
        char *colon = strchr(at, ':');
        if (!colon)
            return refuse(t, l, "it is a list of NAME:VALUE with || between them");
        *colon = '\0';
        const char *name = at + strspn(at, " \t"), *value = colon + 1 + strspn(colon + 1, " \t");
        size_t len = strcspn(name, " \t");
        if (len == 0 || strcspn(name, ".=") < len)
            return refuse(t, l, "a header's name in a label has no dot, = or white space, and is not empty");
        auto_free char *to = xasprintf("%s.%.*s", row->to, (int)len, name);
        if (text_starts(row->to, "healthcheck"))
            strvec_pushf(t->out, "traefik.http.services.%s.loadbalancer.%s=%s", t->service, to, value);
        else if (give_middleware(t, l, row->stage, "", to, value) < 0)
            return -1;
    }
    return 0;
}

static int refused(struct routing_translation *t, const struct row *row, const struct routing_label *l, const char *star)
{
    (void)star;
    return refuse(t, l, row->to);
}

static int refused_if_yes(struct routing_translation *t, const struct row *row, const struct routing_label *l, const char *star)
{
    return is_yes(l->value) ? refused(t, row, l, star) : 0;
}

/* What Traefik 2 still had. */
static int not_in_3(struct routing_translation *t, const struct row *row, const struct routing_label *l, const char *star)
{
    if (t->from->to == ROUTING_TRAEFIK3)
        return refuse(t, l, "Traefik 3 has no such option; for redirects write traefik.frontend.redirect.entryPoint or .regex");
    return to_middleware(t, row, l, star);
}

static int balancing(struct routing_translation *t, const struct row *row, const struct routing_label *l, const char *star)
{
    return routing_same(l->value, "wrr") ? 0 : refused(t, row, l, star);
}

static int allowed_addresses(struct routing_translation *t, const struct row *row, const struct routing_label *l,
                             const char *star)
{
    const struct row here = { row->key, NULL, t->from->to == ROUTING_TRAEFIK2 ? "ipwhitelist.sourcerange" : row->to, row->stage };

    return to_middleware(t, &here, l, star);
}

static int redirect_entrypoint(struct routing_translation *t, const struct row *row, const struct routing_label *l,
                               const char *star)
{
    (void)star;
    return give_middleware(t, l, row->stage, "", row->to, routing_names_tls(t->from->target, l->value) ? "https" : "http");
}

static int redirect_replacement(struct routing_translation *t, const struct row *row, const struct routing_label *l,
                                const char *star)
{
    if (strstr(l->value, "{{"))
        return refuse(t, l, "only Traefik 1 has templates in a replacement; write it with $1 and the like");
    return to_middleware(t, row, l, star);
}

/* An option of whichever middleware this stage has; alone it means nothing. */
static int of_stage(struct routing_translation *t, const struct row *row, const struct routing_label *l, const char *star)
{
    const struct routing_middleware *m = middleware_of(t, row->stage);

    (void)star;
    if (!m)
        return 0;
    auto_free char *to = xasprintf("%s.%s", m->type, row->to);
    return give_middleware(t, l, row->stage, "", to, l->value);
}

static int error_backend(struct routing_translation *t, const struct row *row, const struct routing_label *l, const char *star)
{
    const struct routing_label *own = routing_segment_find(t->segment, "backend");
    auto_free char *shared = routing_shared_name(t->from, l->value);

    if (t->from->generation > 0 && (!own || strcmp(own->value, l->value) != 0))
        return refuse(t, l, "pages of another service cannot be found across releases; name this one's own traefik.backend");
    return give_middleware(t, l, row->stage, star, row->to, shared);
}

/* request.host, client.ip, request.header.NAME */
static int give_criterion(struct routing_translation *t, const struct row *row, const struct routing_label *l, const char *index)
{
    static const char header[] = "request.header.";
    const bool is_header = text_starts(l->value, header);
    const char *option = strcmp(l->value, "request.host") == 0 ? "requesthost"
                         : strcmp(l->value, "client.ip") == 0  ? "ipstrategy.depth"
                         : is_header                           ? "requestheadername"
                                                               : NULL;

    if (!option)
        return refuse(t, l, "it is request.host, client.ip or request.header.NAME");
    auto_free char *to = xasprintf("%s.sourcecriterion.%s", row->to, option);
    const char *value = is_header ? l->value + strlen(header) : strcmp(option, "requesthost") == 0 ? "true" : "0";
    return give_middleware(t, l, row->stage, index, to, value);
}

static int connection_criterion(struct routing_translation *t, const struct row *row, const struct routing_label *l,
                                const char *star)
{
    (void)star;
    return middleware_of(t, row->stage) ? give_criterion(t, row, l, "") : 0;
}

/* For each of the rates, which are there already. */
static int rate_criterion(struct routing_translation *t, const struct row *row, const struct routing_label *l, const char *star)
{
    auto_strvec indexes = STRVEC_INIT;
    static const char sets[] = "frontend.rateLimit.rateSet.";

    (void)star;
    for (size_t i = 0; i < t->segment->n; i++) {
        const char *key = t->segment->labels[i].key;
        if (strncasecmp(key, sets, strlen(sets)) != 0)
            continue;
        auto_free char *index = xstrndup(key + strlen(sets), strcspn(key + strlen(sets), "."));
        if (!strvec_has(&indexes, index))
            strvec_push(&indexes, index);
    }
    for (size_t i = 0; i < indexes.n; i++)
        if (give_criterion(t, row, l, indexes.items[i]) < 0)
            return -1;
    return 0;
}

#include "stages/deploy/routing_label_rows.h"

/* ---- Going through ---- */

/* Whether a row is for this label; *star is what its star stands for. */
static bool fits(const char *pattern, const char *key, char **star)
{
    size_t head = strcspn(pattern, "*");

    *star = NULL;
    if (!pattern[head])
        return routing_same(pattern, key);
    if (strncasecmp(pattern, key, head) != 0)
        return false;
    const char *tail = pattern + head + 1;
    size_t len = *tail ? strcspn(key + head, ".") : strlen(key + head);
    if (len == 0 || !routing_same(tail, key + head + len))
        return false;
    *star = xstrndup(key + head, len);
    return true;
}

static int unknown_label(struct routing_translation *t, const struct routing_label *l)
{
    const char *keys[ARRAY_SIZE(rows) + 1] = { NULL };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        keys[i] = rows[i].key;
    const char *near = text_nearest(l->key, keys);
    return err_set(t->e, ERR_JOB, 0, "%s: no label of Traefik 1%s%s%s", l->label, near ? "; did you mean traefik." : "",
                   near ? near : "", near ? "?" : "");
}

int routing_labels_translate(struct routing_translation *t)
{
    auto_free bool *known = xcalloc(t->segment->n + 1, sizeof(*known));

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        for (size_t k = 0; k < t->segment->n; k++) {
            auto_free char *star = NULL;
            if (known[k] || !fits(rows[i].key, t->segment->labels[k].key, &star))
                continue;
            known[k] = true;
            if (rows[i].give(t, &rows[i], &t->segment->labels[k], star) < 0)
                return -1;
        }
    for (size_t k = 0; k < t->segment->n; k++)
        if (!known[k])
            return unknown_label(t, &t->segment->labels[k]);
    return 0;
}

static int give_modifier(struct routing_translation *t, enum routing_stage stage, const char *to, const char *value)
{
    const struct routing_label rule = { .label = (char[]){ "traefik.frontend.rule" } };

    return value ? give_middleware(t, &rule, stage, "", to, value) : 0;
}

int routing_rule_middlewares(struct routing_translation *t, const struct routing_rule *rule)
{
    auto_free char *strip = rule->strip.n ? strvec_join(&rule->strip, ",") : NULL;
    auto_free char *regex = rule->strip_regex.n ? strvec_join(&rule->strip_regex, ",") : NULL;
    const struct {
        enum routing_stage stage;
        const char *to, *value;
    } modifiers[] = {
        { STAGE_STRIP_REGEX, "stripprefixregex.regex", regex },
        { STAGE_STRIP, "stripprefix.prefixes", strip },
        { STAGE_ADD_PREFIX, "addprefix.prefix", rule->add_prefix },
        { STAGE_REPLACE_REGEX, "replacepathregex.regex", rule->replace_regex },
        { STAGE_REPLACE_REGEX, "replacepathregex.replacement", rule->replacement },
        { STAGE_REPLACE_PATH, "replacepath.path", rule->replace_path },
    };

    for (size_t i = 0; i < ARRAY_SIZE(modifiers); i++)
        if (give_modifier(t, modifiers[i].stage, modifiers[i].to, modifiers[i].value) < 0)
            return -1;
    return 0;
}

void routing_translation_release(struct routing_translation *t)
{
    for (size_t i = 0; i < t->n; i++) {
        free(t->middlewares[i].name);
        free(t->middlewares[i].type);
    }
    free(t->middlewares);
    free(t->router);
    free(t->service);
}
