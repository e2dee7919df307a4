/* executor/caches.h: what the words of `atelier cache` share. */
#ifndef EXECUTOR_CACHES_H
#define EXECUTOR_CACHES_H

#include "cache/store/walk.h"
#include "executor/command.h"
#include "executor/config.h"

struct caches {
    const struct invocation *in;
    char *const *args; /* what follows the word */
    struct config config;
    int root;          /* -1: there is no such folder, so no cache either */
    int64_t now;       /* seconds since the epoch */
    struct store_index index;
};

/* Returns as a command does. */
typedef int caches_fn(struct caches *c, struct err *e);
caches_fn caches_ls, caches_stat, caches_verify, caches_prune;

/* "1.2 GiB" and "3 d 02 h", the caller's. */
char *caches_size(int64_t bytes);
char *caches_age(const struct caches *c, int64_t date);
/* "1 cache", "2 caches", the caller's. */
char *caches_count(size_t n, const char *one, const char *many);
/* "group/project", made visible; "-" when it is not known. The caller's. */
char *caches_project(const struct store_entry *entry);
/* Append what of the folder was not read, or is no cache, a line each. */
void caches_remark(const struct caches *c, struct strbuf *out);
/* Whether a project, or a key, is the one that somebody typed, or is like that pattern. */
bool caches_fits(const char *wanted, const char *name);

#endif
