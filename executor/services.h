/* executor/services.h: a job's services, from their images to their first answer. */
#ifndef EXECUTOR_SERVICES_H
#define EXECUTOR_SERVICES_H

#include "executor/fetch.h"

/* Get the images of the plan's services, and add to the plan what only they say. */
int services_fetch(const struct fetch *f, struct plan *plan, struct err *e);

/* Services that were started, and who asks for them; all borrowed. */
struct services {
    const struct fetch *with;
    const struct plan *plan;
    char *const *ids;   /* of the containers of plan->services, in that order */
    const char *helper; /* the container that their ports are asked from */
};

/* Wait until all are ready, side by side, for as long as the configuration says: an
 * image's HEALTHCHECK must be content; without one every TCP port of service_ports()
 * must answer, but for those that another one stands for; without any port it must still run after a moment. Of one that answers
 * on some of its ports alone the time's end is no failure but a warning: images
 * expose ports that their default configuration does not listen on.
 *
 * One that ended or did not become ready shows its last words in the job log, and is
 * ERR_JOB, or a warning where the configuration says so. The job's fault, because its
 * author chose image, command and variables; and not the system's, because a runner
 * tries that again twice, which would only make the wait three times as long. */
int services_wait(const struct services *s, struct err *e);

#endif
