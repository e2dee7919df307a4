/* stages/deploy/images.h: a compose file's images, on the target. */
#ifndef STAGES_DEPLOY_IMAGES_H
#define STAGES_DEPLOY_IMAGES_H

#include "stages/deploy/compose.h"
#include "stages/deploy/voice.h"

struct images_from {
    const struct deploy_context *context;
    const struct voice *voice;
    const struct compose *compose;
    const char *file;      /* its name, for messages */
    const json_t *instead; /* service -> the image to take, of an earlier release; NULL: those of the file */
    bool pull;             /* false: only look at what is there */
};

/* What the daemon says of each service's image, in `out` (compose->n of them, new references; NULL for a service that
 * the target has elsewhere, or that is not there when nothing is pulled). A name by tag is always pulled: it may mean
 * another image now. One by digest or id is not when it is there, nor is that of a service that the target keeps.
 * Four are pulled at
 * a time, and a registry that stumbles is asked again (engine/passing.h). ERR_JOB for an image that is nowhere, or that
 * a target refuses. */
int images_get(const struct images_from *from, json_t **out, struct err *e);
void images_release(json_t **images, size_t n);

#endif
