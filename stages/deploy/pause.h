/* stages/deploy/pause.h: waiting for a while, unless we are told to stop. */
#ifndef STAGES_DEPLOY_PAUSE_H
#define STAGES_DEPLOY_PAUSE_H

#include "engine/engine.h"

/* The watch's tick may end it, with its own error. */
int pause_ms(const struct engine_watch *watch, int64_t ms, struct err *e);

#endif
