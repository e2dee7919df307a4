/* stages/pipeline/checkout.h: what git says about the checkout that the pipeline is for. */
#ifndef STAGES_PIPELINE_CHECKOUT_H
#define STAGES_PIPELINE_CHECKOUT_H

#include "base/err.h"
#include "stages/pipeline/remote.h"

#include <stdbool.h>
#include <stdint.h>

struct checkout {
    char *top;  /* the work tree's top folder, absolute */
    char *head; /* HEAD's commit; NULL when there is none yet */

    char *ref; /* the branch; with a detached HEAD the tag on it, else "detached" */
    bool is_tag;
    char *default_branch;
    bool has_submodules;

    char *author;    /* of HEAD: "Name <mail>" */
    char *timestamp; /* of HEAD, ISO 8601 */
    char *message;   /* of HEAD */
    char *user_name; /* as git is configured for the caller */
    char *user_email;

    struct remote remote;
    int64_t project_id; /* made from `top`: two checkouts are two projects, and share no builds folder */
};

#define CHECKOUT_INIT { .top = NULL }

/* `dir` may be any folder of the checkout. ERR_JOB when it is in none. */
int checkout_open(const char *dir, char *const *env, struct checkout *out, struct err *e);
void checkout_release(struct checkout *c);

#define auto_checkout __attribute__((cleanup(checkout_release))) struct checkout

#endif
