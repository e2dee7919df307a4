/* stages/deploy/release_list.h: the releases for people. */
#ifndef STAGES_DEPLOY_RELEASE_LIST_H
#define STAGES_DEPLOY_RELEASE_LIST_H

#include "stages/deploy/release.h"
#include "stages/deploy/voice.h"

/* A line for each, the newest first; the one that serves has a mark. */
void release_list_lines(const struct releases *all, struct strvec *out);
int release_list_say(const struct deploy_context *c, const struct voice *v, struct err *e);

#endif
