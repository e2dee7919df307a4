/* stages/deploy/routing_domain.h: which host names a project's routes claim, and whether the target's owner lets it.
 *
 * Where a target has `domains`, each rule must say of every request that it takes that its host is one of those: a
 * `Host` in each of its alternatives. So neither a rule without a host nor HostRegexp, of which nobody can say what it
 * takes, passes. */
#ifndef STAGES_DEPLOY_ROUTING_DOMAIN_H
#define STAGES_DEPLOY_ROUTING_DOMAIN_H

#include "stages/deploy/routing.h"

/* Of labels that routing_labels() took. ERR_JOB: the text begins with the label. */
int routing_domains_check(const struct routing_from *from, struct err *e);

/* One rule of Traefik 2 or 3: ERR_JOB when it takes what the patterns do not allow. */
int routing_domains_check_rule(const char *rule, const struct strvec *domains, struct err *e);

#endif
