/* base/yaml.h: a YAML document as a tree that remembers where everything stood.
 *
 * Read with libyaml. Anchors, aliases and merge keys ("<<") are resolved while
 * reading; the tree's size counts what aliases expand to, so that a small file
 * cannot become a large tree. Duplicate keys are refused, or the last wins. Tags other than the
 * standard ones are kept in `tag` (GitLab's !reference). */
#ifndef BASE_YAML_H
#define BASE_YAML_H

#include "base/err.h"
#include "base/strvec.h"

#include <stdbool.h>

enum yaml_type { YAML_NULL, YAML_SCALAR, YAML_LIST, YAML_MAP };

struct yaml {
    enum yaml_type type;
    const char *file; /* the name that it was read under; borrowed, as long as the reader's caller keeps it */
    int line, column; /* 1-based, where it starts */
    char *tag;        /* "!reference"; NULL for none or a standard one */
    char *text;       /* scalars: the text as written; never NULL for YAML_SCALAR */
    bool quoted;      /* scalars: 'x', "x", | and >: text, never a number or a boolean */
    char *key;        /* in a map: this member's key */
    int key_line, key_column;
    struct yaml **items; /* lists and maps, in the file's order */
    size_t n;
};

struct yaml_limits {
    size_t bytes; /* of the file */
    size_t nodes; /* of the tree, aliases expanded */
    size_t depth;
};

#define YAML_LIMITS { 1 << 20, 100000, 64 }

/* Read the file's one document. *out is the caller's, yaml_tree_free() it. An empty
 * file gives a YAML_NULL. Errors (ERR_JOB; ERR_NOT_FOUND for a missing file) say
 * "FILE:LINE:COLUMN: problem". */
int yaml_read_file(const char *path, const struct yaml_limits *limits, struct yaml **out, struct err *e);
/* The same from memory; `name` stands for the file in errors, and is what the nodes call their file. */
int yaml_read(const char *name, const char *text, size_t len, const struct yaml_limits *limits,
              struct yaml **out, struct err *e);
/* The same for a language in which the last one of equal keys wins, as in GitLab's: each time, a line that names both
 * goes to `doubled`. */
int yaml_read_last(const char *name, const char *text, size_t len, const struct yaml_limits *limits,
                   struct strvec *doubled, struct yaml **out, struct err *e);
/* NULL is fine. Not "yaml_free": libyaml has and calls a function of that name. */
void yaml_tree_free(struct yaml *y);

/* The member, or NULL; also NULL when `map` is NULL or no map. */
const struct yaml *yaml_get(const struct yaml *map, const char *key);
/* A map's members by their keys, for those who ask often. The members are the map's, and must stay its. */
struct yaml_index {
    struct yaml **members; /* sorted by key */
    size_t n;
};
void yaml_index_make(struct yaml_index *x, const struct yaml *map);
struct yaml *yaml_index_get(const struct yaml_index *x, const char *key);
/* Its place in `members`; false when there is none. */
bool yaml_index_find(const struct yaml_index *x, const char *key, size_t *at);
void yaml_index_release(struct yaml_index *x);
#define auto_yaml_index __attribute__((cleanup(yaml_index_release))) struct yaml_index

/* ---- Changing a tree ---- */

/* A copy of the node and all below it, its own key included. Takes its nodes from *budget; NULL when that
 * does not suffice, with a budget of 0. */
struct yaml *yaml_copy(const struct yaml *y, size_t *budget);
/* At the end of a list or a map, whose it becomes. */
void yaml_append(struct yaml *parent, struct yaml *item);
/* What `y` is becomes what `from` is, which is gone. Its key stays. */
void yaml_become(struct yaml *y, struct yaml *from);
/* Merge a map, which is gone afterwards, into another: where both have a map under a key, these are merged
 * in turn; else `from` has the last word. New keys come last. */
void yaml_merge(struct yaml *into, struct yaml *from);
/* Take out a member, if it is there; the caller's. */
struct yaml *yaml_take(struct yaml *map, const char *key);

/* The tree as text: libyaml's block style, without anchors. The caller's. */
char *yaml_write(const struct yaml *y);

/* A plain scalar that YAML 1.2's core schema (and 1.1's yes/no/on/off) reads so. -1 when it is none. */
int yaml_bool(const struct yaml *y, bool *out);
/* "a list", "a map", "text", "nothing": for messages. */
const char *yaml_type_name(const struct yaml *y);
/* "FILE:LINE:COLUMN: " + message, as an ERR of that kind; returns -1. */
int yaml_error(struct err *e, enum err_kind kind, const char *file, const struct yaml *at, const char *fmt,
               ...) PRINTF_LIKE(5, 6);

static inline void yaml_release(struct yaml **y)
{
    yaml_tree_free(*y);
}
#define auto_yaml __attribute__((cleanup(yaml_release), unused)) struct yaml

#endif
