#include "stages/deploy/routing.h"

#include "base/number.h"
#include "base/text.h"
#include "stages/deploy/routing_given.h"
#include "stages/deploy/routing_router.h"
#include "stages/deploy/routing_rule.h"
#include "stages/deploy/routing_segment.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#define PREFIX      "traefik."
#define ENABLE      PREFIX "enable"
#define NETWORK     PREFIX "docker.network"
#define PREFIX_LEN  strlen(PREFIX)

/* Whose label it is. */
enum generation { NOT_TRAEFIK, COMMON, FIRST, LATER };

static enum generation generation_of(const char *entry)
{
    static const char *const common[] = { "enable=", "tags=", "docker.", NULL };

    if (strncasecmp(entry, PREFIX, PREFIX_LEN) != 0)
        return NOT_TRAEFIK;
    if (routing_is_given(entry))
        return LATER;
    for (size_t i = 0; common[i]; i++)
        if (strncasecmp(entry + PREFIX_LEN, common[i], strlen(common[i])) == 0)
            return COMMON;
    return FIRST;
}

/* The first label of a generation; NULL: there is none. */
static const char *first_of(const struct strvec *labels, enum generation wanted)
{
    for (size_t i = 0; i < labels->n; i++)
        if (generation_of(labels->items[i]) == wanted)
            return labels->items[i];
    return NULL;
}

static int key_len(const char *entry)
{
    return (int)strcspn(entry, "=");
}

static const char *network_of(const struct routing_from *from)
{
    return from->target->network ? from->target->network : "";
}

/* What a proxy that is not asked about it does not read, or that is the same everywhere. */
static void pass_others(const struct routing_from *from, struct strvec *out)
{
    for (size_t i = 0; i < from->labels->n; i++) {
        const char *entry = from->labels->items[i];
        enum generation g = generation_of(entry);
        bool ours = strncasecmp(entry, ENABLE "=", strlen(ENABLE "=")) == 0 ||
                    (*network_of(from) && strncasecmp(entry, NETWORK "=", strlen(NETWORK "=")) == 0);
        if (g == NOT_TRAEFIK || (g == COMMON && !ours))
            strvec_push(out, entry);
    }
}

/* 1, 0, or -1 when nothing is said. */
static int enabled(const struct routing_from *from)
{
    auto_routing_segments segments = ROUTING_SEGMENTS_INIT;
    bool yes = false;

    routing_segments_of(from->labels, &segments);
    const struct routing_label *l = routing_segment_find(&segments.items[0], "enable");
    if (!l)
        return -1;
    return bool_parse(l->value, &yes) == 0 && yes;
}

static void pass_segment(const struct routing_segment *segment, bool renamed, struct strvec *out)
{
    static const char *const set_here[] = { "frontend.priority", "backend", NULL };

    for (size_t i = 0; i < segment->n; i++) {
        const struct routing_label *l = &segment->labels[i];
        bool passed = generation_of(l->label) == FIRST && !(renamed && text_is_any(l->key, set_here));
        if (passed && !strvec_env(out, l->label))
            strvec_pushf(out, "%s=%s", l->label, l->value);
    }
}

/* To a Traefik 1: as they are, with a release's backend and priority. */
static int pass_first(const struct routing_from *from, const struct routing_segment *segment, struct strvec *out,
                      struct err *e)
{
    const struct routing_label *rule = routing_segment_find(segment, "frontend.rule");
    auto_routing_rule read = ROUTING_RULE_INIT;
    auto_free char *backend = routing_segment_backend(from, segment);
    auto_free char *prefix = *segment->name ? xasprintf(PREFIX "%s.", segment->name) : xstrdup(PREFIX);
    int64_t priority;

    if (routing_rule_read(rule->value, ROUTING_TRAEFIK2, &read, e) < 0)
        return err_wrap(e, "%s", rule->label);
    if (routing_segment_priority(from, segment, &priority, e) < 0)
        return -1;
    pass_segment(segment, from->generation > 0, out);
    if (from->generation == 0)
        return 0;
    strvec_pushf(out, "%sbackend=%s", prefix, backend);
    strvec_pushf(out, "%sfrontend.priority=%" PRId64, prefix, priority);
    return 0;
}

static int route_first(const struct routing_from *from, struct strvec *out, struct err *e)
{
    auto_routing_segments segments = ROUTING_SEGMENTS_INIT;

    routing_segments_of(from->labels, &segments);
    for (size_t i = 0; i < segments.n; i++) {
        const struct routing_segment *s = &segments.items[i];
        if (!routing_segment_find(s, "frontend.rule"))
            return err_set(e, ERR_JOB, 0, PREFIX "%s%sfrontend.rule is missing; write it (Host:${CI_ENVIRONMENT_DOMAIN}), or " ENABLE
                           ": 'false'", s->name, *s->name ? "." : "");
        if ((from->to == ROUTING_TRAEFIK1 ? pass_first : routing_segment_translate)(from, s, out, e) < 0)
            return -1;
    }
    return 0;
}

/* Which labels there are, and whether this proxy reads them. */
static int check_generations(const struct routing_from *from, struct err *e)
{
    const char *first = first_of(from->labels, FIRST), *later = first_of(from->labels, LATER);

    if (first && later)
        return err_set(e, ERR_JOB, 0, "%.*s is of Traefik 1, and %.*s of Traefik 2: a container has one kind of them",
                       key_len(first), first, key_len(later), later);
    if (later && from->to == ROUTING_TRAEFIK1)
        return err_set(e, ERR_JOB, 0, "%.*s: the target's proxy is Traefik 1; write traefik.frontend.rule, traefik.port and so on",
                       key_len(later), later);
    return 0;
}

int routing_check_part(const struct routing_from *from, struct err *e)
{
    auto_routing_segments segments = ROUTING_SEGMENTS_INIT;

    if (from->to == ROUTING_NONE)
        return 0;
    if (check_generations(from, e) < 0)
        return -1;
    routing_segments_of(from->labels, &segments);
    for (size_t i = 0; enabled(from) != 0 && i < segments.n; i++) {
        const struct routing_label *rule = routing_segment_find(&segments.items[i], "frontend.rule");
        auto_routing_rule read = ROUTING_RULE_INIT;
        if (rule && routing_rule_read(rule->value, ROUTING_TRAEFIK2, &read, e) < 0)
            return err_wrap(e, "%s", rule->label);
    }
    return 0;
}

int routing_labels(const struct routing_from *from, struct strvec *out, bool *routed, struct err *e)
{
    *routed = false;
    if (from->to == ROUTING_NONE) {
        strvec_push_all(out, from->labels);
        return 0;
    }
    if (check_generations(from, e) < 0)
        return -1;
    const int enable = enabled(from);
    const bool later = first_of(from->labels, LATER) != NULL;
    pass_others(from, out);
    if (enable == 0 || (enable < 0 && !later && !first_of(from->labels, FIRST))) {
        strvec_push(out, ENABLE "=false");
        return 0;
    }
    strvec_push(out, ENABLE "=true");
    if (*network_of(from))
        strvec_pushf(out, NETWORK "=%s", network_of(from));
    if ((later ? routing_given_labels : route_first)(from, out, e) < 0)
        return -1;
    *routed = true;
    return 0;
}
