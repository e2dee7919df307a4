/* executor/remove.h: what a job may leave with the daemon, in the order in which it can go. */
#ifndef EXECUTOR_REMOVE_H
#define EXECUTOR_REMOVE_H

#include "engine/engine.h"

/* A container holds its networks and volumes, so it goes before them. */
enum thing_kind { THING_CONTAINER, THING_NETWORK, THING_VOLUME, THING_KINDS };

const char *thing_word(enum thing_kind kind); /* "container" */
/* By which the daemon knows the one of a listing; borrowed, "" when it has none. */
const char *thing_id(enum thing_kind kind, const json_t *item);
/* Its name, for people; borrowed. */
const char *thing_name(enum thing_kind kind, const json_t *item);

/* All of that kind that bear every one of the labels. An array; a new reference. */
int thing_list(struct engine *d, enum thing_kind kind, const struct strvec *labels, json_t **out, struct err *e);
/* Remove n of them; gone is fine. errs[i] tells of each; -1 if any failed. */
int thing_remove(struct engine *d, enum thing_kind kind, const char *const *ids, struct err *errs, size_t n);
/* Remove all of a listing, whatever becomes of single ones; `e` (not NULL) keeps the first problem. */
int thing_remove_listed(struct engine *d, enum thing_kind kind, const json_t *list, struct err *e);
/* Remove what bears the labels now, of the first n_kinds kinds; *found counts it. `e` is not NULL. */
int thing_remove_labelled(struct engine *d, const struct strvec *labels, int n_kinds, size_t *found, struct err *e);
/* Remove all that bears the labels, until nothing was there in `looks` looks, one after the other; `e` is not NULL. */
int thing_remove_all(struct engine *d, const struct strvec *labels, int looks, struct err *e);

#endif
