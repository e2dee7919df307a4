/* stages/deploy/cron_container.h: a cron job's container, whose first process is atelier-cron. */
#ifndef STAGES_DEPLOY_CRON_CONTAINER_H
#define STAGES_DEPLOY_CRON_CONTAINER_H

#include "stages/deploy/compose.h"
#include "stages/deploy/deploy.h"

#include <jansson.h>

/* What runs in it, and the mount that it comes from. ERR_JOB for a schedule that is wrong. */
int cron_container_fill(const struct compose_service *s, const json_t *image, json_t *body, struct err *e);
/* Put the program where such containers find it: in a volume of the target. `image`: any that it has. */
int cron_container_prepare(const struct deploy_context *c, const char *image, struct err *e);

#endif
