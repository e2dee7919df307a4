/* stages/pipeline/checkout.h: what git says about the checkout that the pipeline is for. */
#ifndef STAGES_PIPELINE_CHECKOUT_H
#define STAGES_PIPELINE_CHECKOUT_H

#include "base/err.h"
#include "stages/pipeline/remote.h"

#include <stdbool.h>
#include <stdint.h>

/* What the jobs get, and where .gitlab-ci.yml is. */
enum checkout_sources {
    SOURCES_WORK_TREE, /* the files as they are */
    SOURCES_AS_BRANCH, /* the same, taken for a branch that there is none of */
    SOURCES_COMMIT,    /* those of `head`, the end of another branch */
};

struct checkout {
    char *top;  /* the work tree's top folder, absolute */
    char *head; /* HEAD's commit, or that of the branch that was asked for; NULL when there is none yet */

    char *ref; /* the branch; with a detached HEAD the tag on it, else "detached" */
    bool is_tag;
    enum checkout_sources sources;
    char *default_branch;
    bool has_submodules;

    char *author;    /* of that commit: "Name <mail>" */
    char *timestamp; /* ISO 8601 */
    char *message;
    char *user_name; /* as git is configured for the caller */
    char *user_email;

    char *pushed;  /* what `origin` is known to have of the branch; NULL: nothing, or it is no push of a branch */
    char *before;  /* what a push finds on the branch; NULL: nothing, or it is no push of a branch */
    const char *event; /* stages/pipeline/event.h; NULL: a push. Borrowed */
    char *merge_base;  /* of a merge request: where it left the default branch; NULL: nobody knows */

    struct remote remote;
    int64_t project_id; /* made from `top`: two checkouts are two projects, and share no builds folder */
};

#define CHECKOUT_INIT { .top = NULL }

/* `dir` may be any folder of the checkout. ERR_JOB when it is in none. `branch`: the one to
 * look at, or a tag as "refs/tags/NAME"; NULL: the one that is checked out. One that is neither
 * here nor, as far as this repository knows, on the remote is what the work tree would be pushed as. */
int checkout_open(const char *dir, const char *branch, char *const *env, struct checkout *out, struct err *e);
/* The pipeline is one of this event. ERR_USAGE when there can be none: a merge request wants a branch of its own. */
int checkout_set_event(struct checkout *c, const char *event, char *const *env, struct err *e);
/* Whether `origin` is known to have the commit. */
bool checkout_all_pushed(const struct checkout *c);
/* A file of that commit; NULL when it has none. The caller's. */
char *checkout_show(const struct checkout *c, const char *path, char *const *env);
void checkout_release(struct checkout *c);

#endif
