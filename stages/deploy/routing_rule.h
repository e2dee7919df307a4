/* stages/deploy/routing_rule.h: a rule of Traefik 1, read as it reads it, and written for Traefik 2 or 3.
 *
 *     Host:a.io,b.io;PathPrefixStrip:/api        `;` is AND, `,` mostly OR, and empty parts do not count
 *
 * Modifiers (AddPrefix, ReplacePath, the strips) are no part of a later rule: they become middlewares. */
#ifndef STAGES_DEPLOY_ROUTING_RULE_H
#define STAGES_DEPLOY_ROUTING_RULE_H

#include "base/err.h"
#include "base/strvec.h"
#include "stages/deploy/target.h"

struct routing_rule {
    char *text;                 /* never empty: what only modifies fits every request */
    struct strvec strip;        /* prefixes, longest first */
    struct strvec strip_regex;  /* plain regular expressions, longest first */
    char *add_prefix;           /* NULL: none; as the next ones */
    char *replace_path;
    char *replace_regex, *replacement; /* both or none */
};

#define ROUTING_RULE_INIT { .text = NULL, .strip = STRVEC_INIT, .strip_regex = STRVEC_INIT }

/* `to` is ROUTING_TRAEFIK2 or 3. ERR_JOB says what is wrong in which part. */
int routing_rule_read(const char *v1, enum routing to, struct routing_rule *out, struct err *e);
void routing_rule_release(struct routing_rule *r);

#define auto_routing_rule __attribute__((cleanup(routing_rule_release))) struct routing_rule

#endif
