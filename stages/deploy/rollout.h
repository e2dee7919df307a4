/* stages/deploy/rollout.h: makes a plan true on the target.
 *
 * Each service begins when what it depends on is where it wants it, and what runs once has run; all that can begin do so
 * side by side. The old container of a service that the proxy routes runs on beside the new one; that of another one is
 * stopped first, and stays until all is well. */
#ifndef STAGES_DEPLOY_ROLLOUT_H
#define STAGES_DEPLOY_ROLLOUT_H

#include "stages/deploy/release_plan.h"
#include "stages/deploy/voice.h"

struct rolling; /* one step, under way */

struct rollout {
    const struct deploy_context *context;
    const struct voice *voice;
    const struct release_plan *plan;
    struct rolling *of; /* for each step */
};

/* Remove what a deploy that was killed left, and start what it stopped. */
int rollout_heal(const struct deploy_context *c, const struct voice *v, const struct leftovers *left, struct err *e);
/* Until every service of the plan serves. On failure the containers' last words are said, and all is as it was before;
 * where that cannot be had (the daemon is gone), the error says so. */
int rollout_run(struct rollout *r, struct err *e);
/* The commit point is behind us: let the old ones end what they do, stop and remove them. What fails is left to the next
 * deploy, with a warning. */
void rollout_finish(struct rollout *r);
/* Undo, for a failure between rollout_run() and the record. */
void rollout_undo(struct rollout *r);
/* The services as the release's record has them; a new reference. */
json_t *rollout_services(const struct rollout *r, const struct release *live);
void rollout_release(struct rollout *r);

#endif
