/* cache/store/index.h: what lies in the root folder of the host's caches, and what of it may go.
 *
 * Pure: nothing is read here.
 *
 *     <root>/<runner>/<project id>[.protected]/<project>/<key>/cache.zip …   (cache/folder.h, cache/store/local.h)
 *
 * Project and key may both have "/" in them, and no name says where one ends: the
 * key in metadata.json does, else what the caches of a project have in common. */
#ifndef CACHE_STORE_INDEX_H
#define CACHE_STORE_INDEX_H

#include "base/memory.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum store_fate { FATE_STAYS, FATE_AGE, FATE_SIZE, FATE_LEFTOVER };

/* A folder that holds a cache, or what is left of one. */
struct store_entry {
    char *path;        /* below the root, without "/" at its ends; any bytes but that */
    size_t below;      /* where in it the project begins, behind "<runner>/<project id>/" */
    size_t key;        /* where the key begins; equal to `below`: there is no project's name */
    char *said_key;    /* what metadata.json calls the key; NULL: nothing */
    bool protected_ref;
    bool has_archive;
    int64_t changed;   /* nanoseconds since the epoch: the archive's file, to know it again */
    int64_t size;      /* bytes that it takes on the disk */
    int64_t made;      /* seconds since the epoch: the archive's own date */
    int64_t used;      /* when it was used or made last, never later than the time of reading */
    int64_t hits;      /* how often it was extracted */
    size_t leftovers;  /* files of writers that were killed */
    int64_t leftover_size;
    bool fresh;        /* another file that may become a leftover: somebody may write here */
    enum store_fate fate;
};

struct store_index {
    struct store_entry *entries;
    size_t n, size;
    /* What was met and is none of ours. */
    size_t others;
    int64_t other_size;
    size_t too_deep;   /* folders that were not looked into */
    size_t unreadable;
    int why;           /* errno of the first of those */
    bool cut;          /* there are more entries than STORE_ENTRIES_MAX */
};

#define STORE_ENTRIES_MAX ((size_t)1000000)

/* 0: no limit. */
struct store_limits {
    int64_t now;  /* seconds since the epoch */
    int64_t size; /* bytes of all archives together */
    int64_t age;  /* seconds since the last use */
};

struct store_totals {
    size_t caches, leftovers;
    int64_t size, leftover_size, hits;
};

/* A new entry, zero; NULL when there are too many. */
struct store_entry *store_index_add(struct store_index *x);
/* Find out where keys begin, and put what was used last first. */
void store_index_arrange(struct store_index *x);
/* Drop all entries but those of which `keep` is true. */
void store_index_filter(struct store_index *x, bool (*keep)(const struct store_entry *entry, void *ctx), void *ctx);
/* Decide each one's fate: too old; then, while the rest is too much, what was used longest ago; and of what
 * stays, the leftovers. Wants an arranged index. */
void store_index_judge(struct store_index *x, const struct store_limits *limits);
/* Of all entries. */
void store_index_sum(const struct store_index *x, struct store_totals *out);
void store_index_release(struct store_index *x);

/* The caller's: "group/project" ("" when the path has none), and the runner's short token. The key needs no copy. */
char *store_entry_project(const struct store_entry *entry);
char *store_entry_runner(const struct store_entry *entry);
const char *store_entry_key(const struct store_entry *entry);

/* What the official helper, or ours, leaves where it is killed: "archive_1234", "cache1234", ".cache.zip.new". */
bool store_is_leftover(const char *name);

#define auto_store_index __attribute__((cleanup(store_index_release))) struct store_index

#endif
