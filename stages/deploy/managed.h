/* stages/deploy/managed.h: services that a target keeps across releases, or has elsewhere. */
#ifndef STAGES_DEPLOY_MANAGED_H
#define STAGES_DEPLOY_MANAGED_H

#include "base/json.h"
#include "stages/deploy/compose.h"
#include "stages/deploy/environment.h"
#include "stages/deploy/target.h"

/* The address of one that is elsewhere, the caller's: as written, or what its name leads to here. ERR_CONFIG when it
 * leads nowhere. */
int managed_address(const struct target *t, const struct target_managed *m, char **address, struct err *e);

/* Its data's volumes: at the folders that its image declares, else where a service of that name has its data. */
void managed_add_volumes(const struct compose_service *s, const json_t *image, const struct deploy_identity *who,
                         json_t *host_config);

#endif
