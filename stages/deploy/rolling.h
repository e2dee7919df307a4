/* stages/deploy/rolling.h: one step of a rollout, under way; for the rollout's own files. */
#ifndef STAGES_DEPLOY_ROLLING_H
#define STAGES_DEPLOY_ROLLING_H

#include "stages/deploy/rollout.h"

enum progress { PROGRESS_WAITING, PROGRESS_BEGUN, PROGRESS_DONE };

struct rolling {
    const struct plan_step *step;
    enum progress progress;
    char *id;          /* the new container; NULL: none was made */
    int64_t began_ms;
    bool old_stopped;  /* its old one was, to make room */
};

/* Whether it may begin: what it depends on is where it wants it, and nothing that runs once is still to be done that
 * it need not wait for otherwise. */
bool rolling_may_begin(const struct rollout *r, size_t i);
/* Its container, made and not started: folders, networks and files for it as well. */
int rolling_create(const struct rollout *r, struct rolling *one, struct err *e);
/* Look whether it is done. ERR_JOB when it never will be; what it said last was said then. */
int rolling_look(const struct rollout *r, struct rolling *one, struct err *e);

#endif
