/* stages/deploy/routing_label.h: each label of Traefik 1 as those of Traefik 2 and 3 that do the same; a table. */
#ifndef STAGES_DEPLOY_ROUTING_LABEL_H
#define STAGES_DEPLOY_ROUTING_LABEL_H

#include "stages/deploy/routing.h"
#include "stages/deploy/routing_rule.h"
#include "stages/deploy/routing_segment.h"

/* The order in which Traefik 1 does these, from the outermost, whatever the order of its labels. The strips are after
 * the redirect, which Traefik 1 gives the path that was asked for. */
enum routing_stage {
    STAGE_ERRORS, STAGE_ALLOW, STAGE_REDIRECT, STAGE_HEADERS, STAGE_CERTIFICATE, STAGE_AUTH, STAGE_STRIP_REGEX, STAGE_STRIP,
    STAGE_ADD_PREFIX, STAGE_REPLACE_REGEX, STAGE_REPLACE_PATH, STAGE_BREAKER, STAGE_BUFFERING, STAGE_CONNECTIONS, STAGE_RATE,
};
struct routing_middleware {
    char *name; /* web_auth_7 */
    enum routing_stage stage;
    char *type; /* basicauth */
};
/* One segment's translation, underway. */
struct routing_translation {
    const struct routing_from *from;
    const struct routing_segment *segment;
    char *router, *service;                 /* names */
    struct routing_middleware *middlewares; /* in the order of their stages */
    size_t n;
    struct strvec *out; /* "key=value" */
    struct err *e;
};

/* Every label of the segment that is not the router's own; ERR_JOB for one that Traefik 1 does not have, or that has
 * no translation. */
int routing_labels_translate(struct routing_translation *t);
/* The middlewares that the rule's modifiers become. */
int routing_rule_middlewares(struct routing_translation *t, const struct routing_rule *rule);
void routing_translation_release(struct routing_translation *t);

#endif
