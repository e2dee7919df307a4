/* stages/deploy/superseded.h: images that deploys brought to a target, and that no release of its history has any more.
 *
 * A record lists the images (`images`, by id) that were not on the target before a deploy of this unit pulled them. When
 * it leaves the history, those of them go that no record on the target names and no container has. The daemon itself
 * keeps one that has another name, or is in use: nothing is forced. */
#ifndef STAGES_DEPLOY_SUPERSEDED_H
#define STAGES_DEPLOY_SUPERSEDED_H

#include "stages/deploy/release.h"
#include "stages/deploy/voice.h"

/* The ids that this release's record lists: of its images (NULL: none) those that the daemon's list of `before` (NULL:
 * nobody asked) does not have, or that an earlier deploy brought. A new reference. */
json_t *superseded_brought(const json_t *before, json_t *const *images, size_t n, const struct releases *history);

/* What the records of these numbers list, and no other one of the history, nor `now`. */
void superseded_find(const struct releases *history, const struct strvec *numbers, const json_t *now, struct strvec *ids);

/* Whether a record names the image, which is as the daemon describes it. */
bool superseded_is_named(const struct releases *all, const json_t *image);

/* Remove those of them that no record on the target names, of whatever unit. What cannot be removed stays. */
void superseded_remove(const struct deploy_context *c, const struct voice *v, const struct strvec *ids);

#endif
