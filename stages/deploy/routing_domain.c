#include "stages/deploy/routing_domain.h"

#include "base/text.h"
#include "stages/deploy/routing_given.h"
#include "stages/deploy/routing_rule.h"
#include "stages/deploy/routing_segment.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define SPACES    " \t\r\n"
#define DEPTH_MAX 50

static char *lower(const char *text, size_t len)
{
    char *copy = xstrndup(text, len);

    for (char *c = copy; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    return copy;
}

static bool is_allowed(const struct strvec *domains, const char *name)
{
    auto_free char *host = lower(name, strlen(name));

    for (size_t i = 0; i < domains->n; i++) {
        auto_free char *pattern = lower(domains->items[i], strlen(domains->items[i]));
        if (text_matches(pattern, host))
            return true;
    }
    return false;
}

static int refuse(const struct strvec *domains, const char *what, struct err *e)
{
    auto_free char *all = strvec_join(domains, ", ");

    return err_set(e, ERR_JOB, 0, "%s; this target routes %s to a project, and nothing else (`domains` of its configuration)",
                   what, all);
}

static int refuse_name(const struct strvec *domains, const char *name, struct err *e)
{
    auto_free char *shown = text_quote(name);
    auto_free char *what = xasprintf("the host name '%s' is not for this project", shown);

    return refuse(domains, what, e);
}

/* ---- A rule: names and arguments, with !, &&, || and parentheses ---- */

struct reading {
    const char *at;
    const struct strvec *domains;
    int depth;
    struct err *e;
};

/* What is read tells of its host: BOUND when it takes requests to allowed ones alone. */
enum host { WRONG = -1, ANY, BOUND };

static bool takes(struct reading *r, const char *token)
{
    r->at += strspn(r->at, SPACES);
    if (!text_starts(r->at, token))
        return false;
    r->at += strlen(token);
    return true;
}

static enum host unreadable(struct reading *r)
{
    (void)refuse(r->domains, "the rule cannot be read (Host(`NAME`) && PathPrefix(`/PATH`))", r->e);
    return WRONG;
}

/* One argument, in back-ticks or quotes; NULL: there is none that could be understood. */
static char *read_argument(struct reading *r)
{
    const char quote = takes(r, "`") ? '`' : takes(r, "\"") ? '"' : '\0';
    const char *end = quote ? strchr(r->at, quote) : NULL;

    if (!end)
        return NULL;
    char *text = xstrndup(r->at, (size_t)(end - r->at));
    r->at = end + 1;
    if (!strchr(text, '\\') || quote == '`')
        return text;
    free(text);
    return NULL;
}

static enum host read_arguments(struct reading *r, bool are_hosts)
{
    bool some = false;

    if (!takes(r, "("))
        return unreadable(r);
    while (!takes(r, ")")) {
        if (some && !takes(r, ","))
            return unreadable(r);
        auto_free char *argument = read_argument(r);
        if (!argument)
            return unreadable(r);
        if (are_hosts && !is_allowed(r->domains, argument)) {
            (void)refuse_name(r->domains, argument, r->e);
            return WRONG;
        }
        some = true;
    }
    return are_hosts && some ? BOUND : ANY;
}

static enum host read_any(struct reading *r);

static enum host read_one(struct reading *r);

/* Behind a `!` or a parenthesis. */
static enum host read_inner(struct reading *r, enum host (*read)(struct reading *r))
{
    if (r->depth == DEPTH_MAX)
        return unreadable(r);
    r->depth++;
    enum host found = read(r);
    r->depth--;
    return found;
}

static enum host read_one(struct reading *r)
{
    if (takes(r, "!"))
        return read_inner(r, read_one) == WRONG ? WRONG : ANY;
    if (takes(r, "(")) {
        enum host inside = read_inner(r, read_any);
        return inside == WRONG || takes(r, ")") ? inside : unreadable(r);
    }
    const char *name = r->at;
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
    r->at += len;
    return len ? read_arguments(r, len == 4 && strncasecmp(name, "Host", len) == 0) : unreadable(r);
}

static enum host read_all(struct reading *r)
{
    enum host found = read_one(r);

    while (found != WRONG && takes(r, "&&")) {
        enum host next = read_one(r);
        found = next == ANY ? found : next;
    }
    return found;
}

static enum host read_any(struct reading *r)
{
    enum host found = read_all(r);

    while (found != WRONG && takes(r, "||")) {
        enum host next = read_all(r);
        found = next == BOUND ? found : next;
    }
    return found;
}

int routing_domains_check_rule(const char *rule, const struct strvec *domains, struct err *e)
{
    struct reading r = { rule, domains, 0, e };
    enum host host = read_any(&r);

    if (host != WRONG && r.at[strspn(r.at, SPACES)])
        host = unreadable(&r);
    if (host == ANY)
        return refuse(domains, "the rule takes requests to any host; each of its alternatives has to name one (Host)", e);
    return host == BOUND ? 0 : -1;
}

/* ---- The labels ---- */

static int check_first(const struct routing_from *from, struct err *e)
{
    auto_routing_segments segments = ROUTING_SEGMENTS_INIT;

    routing_segments_of(from->labels, &segments);
    for (size_t i = 0; i < segments.n; i++) {
        const struct routing_label *l = routing_segment_find(&segments.items[i], "frontend.rule");
        auto_routing_rule rule = ROUTING_RULE_INIT;
        if (l && (routing_rule_read(l->value, ROUTING_TRAEFIK2, &rule, e) < 0 ||
                  routing_domains_check_rule(rule.text, &from->target->domains, e) < 0))
            return err_wrap(e, "%s", l->label);
    }
    return 0;
}

/* Names that a certificate is to be made for. */
static int check_names(const struct strvec *domains, const char *value, struct err *e)
{
    auto_free char *copy = xstrdup(value);
    char *save = NULL;

    for (char *name = strtok_r(copy, "," SPACES, &save); name; name = strtok_r(NULL, "," SPACES, &save))
        if (!is_allowed(domains, name))
            return refuse_name(domains, name, e);
    return 0;
}

static int check_later(const struct routing_from *from, const char *entry, struct err *e)
{
    const char *value = entry + strcspn(entry, "=");
    auto_free char *label = xstrndup(entry, (size_t)(value - entry));
    auto_free char *key = lower(label, strlen(label));
    const struct strvec *domains = &from->target->domains;
    int rc = 0;

    value += *value == '=';
    if (!text_starts(key, "traefik.http.routers."))
        return 0;
    if (text_ends(key, ".rule"))
        rc = routing_domains_check_rule(value, domains, e);
    else if (strstr(key, ".tls.domains"))
        rc = check_names(domains, value, e);
    return rc < 0 ? err_wrap(e, "%s", label) : 0;
}

int routing_domains_check(const struct routing_from *from, struct err *e)
{
    bool later = false;

    if (from->target->domains.n == 0)
        return 0;
    for (size_t i = 0; i < from->labels->n; i++) {
        later |= routing_is_given(from->labels->items[i]);
        if (routing_is_given(from->labels->items[i]) && check_later(from, from->labels->items[i], e) < 0)
            return -1;
    }
    return later ? 0 : check_first(from, e);
}
