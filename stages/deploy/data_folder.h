/* stages/deploy/data_folder.h: the folders of a project's volumes, made on the target through its daemon alone. */
#ifndef STAGES_DEPLOY_DATA_FOLDER_H
#define STAGES_DEPLOY_DATA_FOLDER_H

#include "engine/engine.h"
#include "stages/deploy/compose.h"
#include "stages/deploy/environment.h"
#include "stages/deploy/target.h"

/* What a deployed service's user is, so that it can write to its volumes. */
#define DATA_OWNER 1001

struct data_folders {
    struct engine *engine;
    const struct target *target;
    const struct deploy_identity *who;
    const char *image; /* any that the target has; nothing of it runs */
};

/* Make those that are missing of a service's volumes, with that owner. What is there stays as it is. ERR_JOB when one
 * is no folder, or leads through a link: an application must not say where the next container writes. */
int data_folders_make(const struct data_folders *f, const struct compose_service *s, struct err *e);

#endif
