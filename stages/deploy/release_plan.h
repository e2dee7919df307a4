/* stages/deploy/release_plan.h: what a deploy does to which service: a pure function of the file, the images, the
 * target and what is there. */
#ifndef STAGES_DEPLOY_RELEASE_PLAN_H
#define STAGES_DEPLOY_RELEASE_PLAN_H

#include "stages/deploy/container_body.h"
#include "stages/deploy/release.h"

enum step_action {
    STEP_KEEP,     /* it is as it shall be */
    STEP_CREATE,   /* it is new */
    STEP_REPLACE,  /* it is there, from something else */
    STEP_RUN,      /* it runs once to its end */
    STEP_SKIP,     /* it is not to run now */
    STEP_EXTERNAL, /* the target has it elsewhere */
};

struct plan_step {
    const struct compose_service *service;
    enum service_kind kind;
    enum step_action action;
    const char *why; /* "its image changed" */
    char *name;      /* the container's to be */
    struct body body;
    char *old;       /* the container of the release that serves; NULL: none */
    bool old_routed; /* the proxy sends requests to it */
};

struct release_plan {
    struct plan_step *steps; /* in the file's order */
    size_t n;
    struct strvec gone;       /* containers of services that the file has no more */
    struct strvec gone_names; /* and the services */
};

struct release_plan_from {
    const struct compose *compose;
    json_t *const *images; /* for each service; NULL: not on the target yet, or not needed */
    const struct target *target;
    const struct deploy_identity *who;
    const json_t *containers;   /* the unit's, as the daemon lists them */
    const struct release *live; /* NULL: nothing was deployed yet */
    int number;                 /* of the release to be */
    bool back;                  /* a rollback: no migration runs backwards */
};

int release_plan_make(const struct release_plan_from *from, struct release_plan *out, struct err *e);
/* Whether it does anything. */
bool release_plan_is_empty(const struct release_plan *p);
/* A line for each service, for people: "web: replace, its image changed". */
void release_plan_lines(const struct release_plan *p, struct strvec *out);
const char *plan_step_word(const struct plan_step *s);
void release_plan_release(struct release_plan *p);

/* What is on the target and of no release that counts, and what of the one that serves is stopped. */
struct leftovers {
    struct strvec remove, start;
};
void leftovers_find(const json_t *containers, const struct release *live, struct leftovers *out);
void leftovers_release(struct leftovers *l);

#define auto_release_plan           __attribute__((cleanup(release_plan_release))) struct release_plan
#define auto_leftovers __attribute__((cleanup(leftovers_release))) struct leftovers

#endif
