#include "base/yaml.h"

#include "base/file.h"
#include "base/text.h"
#include "base/yaml_problem.h"

#include <errno.h>
#include <search.h>
#include <string.h>
#include <yaml.h>

/* Equal keys in one file, where they may be: each costs a search. */
#define DOUBLED_MAX ((size_t)1000)

struct anchor {
    char *name;
    const struct yaml *node; /* NULL while it is being read: it cannot contain itself */
};

/* A document while it is read. */
struct reading {
    yaml_parser_t parser;
    yaml_event_t event; /* the current one */
    const char *name, *text;
    size_t len;
    const struct yaml_limits *limits;
    size_t nodes;
    void *anchors;      /* a search tree, because a file may have very many */
    struct yaml aside;  /* a list of what is not in the tree, but anchors may point into: the values of "<<" */
    struct strvec *doubled; /* where the last of equal keys wins; NULL: it may not be there */
    size_t n_doubled;
    struct err *e;
};

/* --- nodes --- */

static int refuse(struct reading *r, yaml_mark_t at, const char *fmt, ...) PRINTF_LIKE(3, 4);
static int refuse(struct reading *r, yaml_mark_t at, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    auto_free char *text = xvasprintf(fmt, ap);
    va_end(ap);
    return err_set(r->e, ERR_JOB, 0, "%s:%zu:%zu: %s", r->name, at.line + 1, at.column + 1, text);
}

/* A node that counts. `at` is where it is used, which for an alias is not where it was written. */
static struct yaml *node_new(struct reading *r, yaml_mark_t at, enum yaml_type type, size_t depth)
{
    if (depth > r->limits->depth) {
        (void)refuse(r, at, "nested more than %zu deep", r->limits->depth);
        return NULL;
    }
    if (r->nodes >= r->limits->nodes) {
        (void)refuse(r, at, "more than %zu values, with aliases expanded", r->limits->nodes);
        return NULL;
    }
    r->nodes++;
    struct yaml *y = xcalloc(1, sizeof(*y));
    y->type = type;
    y->file = r->name;
    y->line = (int)at.line + 1;
    y->column = (int)at.column + 1;
    return y;
}

static struct yaml *node_copy(struct reading *r, yaml_mark_t at, const struct yaml *from, size_t depth)
{
    auto_yaml *y = node_new(r, at, from->type, depth);
    if (!y)
        return NULL;
    y->file = from->file;
    y->line = from->line;
    y->column = from->column;
    y->tag = xstrdup(from->tag);
    y->text = xstrdup(from->text);
    y->quoted = from->quoted;
    y->key = xstrdup(from->key);
    y->key_line = from->key_line;
    y->key_column = from->key_column;
    for (size_t i = 0; i < from->n; i++) {
        struct yaml *item = node_copy(r, at, from->items[i], depth + 1);
        if (!item)
            return NULL;
        yaml_append(y, item);
    }
    return take(&y);
}

/* --- anchors --- */

static int compare_anchors(const void *a, const void *b)
{
    return strcmp(((const struct anchor *)a)->name, ((const struct anchor *)b)->name);
}

static void anchor_free(void *anchor)
{
    struct anchor *a = anchor;
    free(a->name);
    free(a);
}

/* The anchor of that name begins, and replaces an earlier one. */
static struct anchor *anchor_open(struct reading *r, const char *name)
{
    struct anchor *a = xmalloc(sizeof(*a));
    *a = (struct anchor){ xstrdup(name), NULL };
    struct anchor **place = tsearch(a, &r->anchors, compare_anchors);
    if (!place)
        abort(); /* out of memory */
    if (*place != a)
        anchor_free(a);
    (*place)->node = NULL;
    return *place;
}

static const struct yaml *alias_target(struct reading *r)
{
    char *name = (char *)r->event.data.alias.anchor;
    const struct anchor wanted = { .name = name };
    struct anchor *const *found = tfind(&wanted, &r->anchors, compare_anchors);
    if (!found)
        (void)refuse(r, r->event.start_mark, "'*%s' is an alias, but no '&%s' comes before it", name, name);
    else if (!(*found)->node)
        (void)refuse(r, r->event.start_mark, "'*%s' contains itself", name);
    return found ? (*found)->node : NULL;
}

/* --- events --- */

static int next(struct reading *r)
{
    yaml_event_delete(&r->event);
    if (yaml_parser_parse(&r->parser, &r->event))
        return 0;
    yaml_mark_t at;
    auto_free char *problem = yaml_problem(&r->parser, r->text, r->len, &at);
    return refuse(r, at, "%s", problem);
}

/* "tag:yaml.org,2002:str" and the others are what the type says already. */
static char *own_tag(const yaml_char_t *tag)
{
    const char *text = (const char *)tag;
    bool standard = !text || !*text || !strcmp(text, "!") || text_starts(text, "tag:yaml.org,2002:");
    return standard ? NULL : xstrdup(text);
}

static bool is_null(const char *text)
{
    static const char *const nulls[] = { "", "~", "null", "Null", "NULL", NULL };
    return text_is_any(text, nulls);
}

/* The current scalar's text; NULL (and an error) when C could not hold it. */
static char *scalar_text(struct reading *r)
{
    const char *value = (const char *)r->event.data.scalar.value;
    size_t len = r->event.data.scalar.length;
    if (!memchr(value, '\0', len))
        return xstrndup(value, len);
    (void)refuse(r, r->event.start_mark, "text with a NUL character");
    return NULL;
}

/* --- reading --- */

static struct yaml *read_node(struct reading *r, size_t depth);

static struct yaml *read_scalar(struct reading *r, size_t depth)
{
    auto_yaml *y = node_new(r, r->event.start_mark, YAML_SCALAR, depth);
    if (!y)
        return NULL;
    y->text = scalar_text(r);
    if (!y->text)
        return NULL;
    const char *tag = (const char *)r->event.data.scalar.tag;
    y->tag = own_tag(r->event.data.scalar.tag);
    y->quoted = r->event.data.scalar.style != YAML_PLAIN_SCALAR_STYLE ||
                (tag && (!strcmp(tag, YAML_STR_TAG) || !strcmp(tag, "!")));
    if (!y->quoted && is_null(y->text)) {
        y->type = YAML_NULL;
        free(take(&y->text));
    }
    return take(&y);
}

static struct yaml *read_list(struct reading *r, size_t depth)
{
    auto_yaml *y = node_new(r, r->event.start_mark, YAML_LIST, depth);
    if (!y)
        return NULL;
    y->tag = own_tag(r->event.data.sequence_start.tag);
    for (;;) {
        if (next(r) < 0)
            return NULL;
        if (r->event.type == YAML_SEQUENCE_END_EVENT)
            return take(&y);
        struct yaml *item = read_node(r, depth + 1);
        if (!item)
            return NULL;
        yaml_append(y, item);
    }
}

/* A map while it is read: its keys in a search tree, and what "<<" brings, which
 * waits until the map's own keys are known. */
struct map {
    struct yaml *node;
    void *keys;
    const struct yaml **sources; /* borrowed */
    size_t n_sources;
};

static void keep(void *node)
{
    (void)node; /* the tree only points to nodes */
}

static void map_release(struct map *m)
{
    tdestroy(m->keys, keep);
    yaml_tree_free(m->node);
    free(m->sources);
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(((const struct yaml *)a)->key, ((const struct yaml *)b)->key);
}

/* Takes `member` when its key is new. Returns the place of the one that has the key already, or NULL. */
static struct yaml **map_add(struct map *m, struct yaml *member)
{
    struct yaml **place = tsearch(member, &m->keys, compare_keys);
    if (!place)
        abort(); /* out of memory */
    if (*place != member)
        return place;
    yaml_append(m->node, member);
    return NULL;
}

/* A key is there for the second time. As Ruby has it: the member is new, its place among the others is not. */
static int map_replace(struct reading *r, struct map *m, struct yaml **place, struct yaml *member)
{
    const yaml_mark_t at = { .line = (size_t)member->key_line - 1, .column = (size_t)member->key_column - 1 };
    struct yaml *first = *place;
    auto_free char *shown = text_quote(first->key);
    size_t i = 0;

    if (!r->doubled || r->n_doubled++ == DOUBLED_MAX)
        return refuse(r, at, "the key '%s' is there twice: first in line %d", shown, first->key_line);
    strvec_pushf(r->doubled, "%s:%d:%d: the key '%s' is there twice: this one wins over that of line %d", r->name,
                 member->key_line, member->key_column, shown, first->key_line);
    while (m->node->items[i] != first)
        i++;
    *place = m->node->items[i] = member;
    yaml_append(&r->aside, first);
    return 0;
}

/* Copy the members whose keys the map lacks. */
static int map_merge(struct reading *r, yaml_mark_t at, struct map *m, const struct yaml *from, size_t depth)
{
    for (size_t i = 0; i < from->n; i++) {
        if (from->type == YAML_LIST) {
            if (map_merge(r, at, m, from->items[i], depth) < 0)
                return -1;
        } else if (!tfind(from->items[i], &m->keys, compare_keys)) {
            struct yaml *member = node_copy(r, at, from->items[i], depth);
            if (!member)
                return -1;
            (void)map_add(m, member);
        }
    }
    return 0;
}

/* A map wins over what it merges, and within a list the earlier over the later, as
 * YAML has it. Several "<<" in one map are outside of YAML's rules, but common in
 * GitLab's files, where the later wins. */
static int map_merge_all(struct reading *r, struct map *m, size_t depth)
{
    for (size_t i = m->n_sources; i-- > 0;)
        if (map_merge(r, r->event.start_mark, m, m->sources[i], depth) < 0)
            return -1;
    return 0;
}

static bool is_mergeable(const struct yaml *y)
{
    if (y->type == YAML_MAP)
        return true;
    for (size_t i = 0; i < y->n; i++)
        if (y->items[i]->type != YAML_MAP)
            return false;
    return y->type == YAML_LIST && !y->tag;
}

/* The value of "<<". An alias is not copied here: only the members that are missing will be. */
static int read_merge(struct reading *r, struct map *m, size_t depth)
{
    yaml_mark_t at = r->event.start_mark;
    const struct yaml *from = NULL;
    if (r->event.type == YAML_ALIAS_EVENT) {
        from = alias_target(r);
    } else {
        struct yaml *owned = read_node(r, depth);
        if (owned)
            yaml_append(&r->aside, owned);
        from = owned;
    }
    if (!from)
        return -1;
    if (!is_mergeable(from))
        return refuse(r, at, "'<<' takes a map or a list of maps, not %s", yaml_type_name(from));
    m->sources = xreallocarray(m->sources, m->n_sources + 1, sizeof(*m->sources));
    m->sources[m->n_sources++] = from;
    return 0;
}

/* The key at the current event. *merge: it is a plain "<<". */
static char *read_key(struct reading *r, bool *merge)
{
    if (r->event.type != YAML_SCALAR_EVENT) {
        (void)refuse(r, r->event.start_mark, "a key must be text");
        return NULL;
    }
    char *key = scalar_text(r);
    *merge = key && !strcmp(key, "<<") && r->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    return key;
}

/* One member, from its key on. */
static int read_member(struct reading *r, struct map *m, size_t depth)
{
    bool merge = false;
    yaml_mark_t at = r->event.start_mark;
    auto_free char *key = read_key(r, &merge);
    if (!key || next(r) < 0)
        return -1;
    if (merge)
        return read_merge(r, m, depth);
    auto_yaml *value = read_node(r, depth);
    if (!value)
        return -1;
    free(value->key); /* an alias's copy brings the key that it was written under */
    value->key = take(&key);
    value->key_line = (int)at.line + 1;
    value->key_column = (int)at.column + 1;
    struct yaml **first = map_add(m, value);
    if (first && map_replace(r, m, first, value) < 0)
        return -1;
    (void)take(&value);
    return 0;
}

static struct yaml *read_map(struct reading *r, size_t depth)
{
    __attribute__((cleanup(map_release))) struct map m = {
        .node = node_new(r, r->event.start_mark, YAML_MAP, depth),
    };
    if (!m.node)
        return NULL;
    m.node->tag = own_tag(r->event.data.mapping_start.tag);
    for (;;) {
        if (next(r) < 0)
            return NULL;
        if (r->event.type == YAML_MAPPING_END_EVENT)
            break;
        if (read_member(r, &m, depth + 1) < 0)
            return NULL;
    }
    return map_merge_all(r, &m, depth + 1) < 0 ? NULL : take(&m.node);
}

static const char *event_anchor(const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT: return (const char *)event->data.scalar.anchor;
    case YAML_SEQUENCE_START_EVENT: return (const char *)event->data.sequence_start.anchor;
    case YAML_MAPPING_START_EVENT: return (const char *)event->data.mapping_start.anchor;
    default: return NULL;
    }
}

/* The node that begins with the current event; NULL with an error. */
static struct yaml *read_node(struct reading *r, size_t depth)
{
    if (r->event.type == YAML_ALIAS_EVENT) {
        const struct yaml *target = alias_target(r);
        return target ? node_copy(r, r->event.start_mark, target, depth) : NULL;
    }
    const char *name = event_anchor(&r->event);
    struct anchor *anchor = name ? anchor_open(r, name) : NULL;
    struct yaml *y = r->event.type == YAML_SCALAR_EVENT           ? read_scalar(r, depth)
                     : r->event.type == YAML_SEQUENCE_START_EVENT ? read_list(r, depth)
                                                                  : read_map(r, depth);
    if (anchor)
        anchor->node = y;
    return y;
}

/* The stream: at most one document. */
static struct yaml *read_document(struct reading *r)
{
    if (next(r) < 0 || next(r) < 0) /* the stream's start, and what follows it */
        return NULL;
    if (r->event.type == YAML_STREAM_END_EVENT)
        return node_new(r, (yaml_mark_t){ 0 }, YAML_NULL, 1);
    if (next(r) < 0)
        return NULL;
    auto_yaml *y = read_node(r, 1);
    if (!y || next(r) < 0 || next(r) < 0) /* the document's end, and what follows it */
        return NULL;
    if (r->event.type == YAML_STREAM_END_EVENT)
        return take(&y);
    (void)refuse(r, r->event.start_mark, "a second document starts here, only one is read");
    return NULL;
}

static void reading_release(struct reading *r)
{
    tdestroy(r->anchors, anchor_free);
    for (size_t i = 0; i < r->aside.n; i++)
        yaml_tree_free(r->aside.items[i]);
    free(r->aside.items);
    yaml_event_delete(&r->event);
    yaml_parser_delete(&r->parser);
}

static int too_large(const char *name, const struct yaml_limits *limits, struct err *e)
{
    return err_set(e, ERR_JOB, EFBIG, "%s:1:1: larger than %zu bytes", name, limits->bytes);
}

int yaml_read_last(const char *name, const char *text, size_t len, const struct yaml_limits *limits,
                   struct strvec *doubled, struct yaml **out, struct err *e)
{
    if (len > limits->bytes)
        return too_large(name, limits, e);
    __attribute__((cleanup(reading_release))) struct reading r = {
        .name = name, .text = text, .len = len, .limits = limits, .doubled = doubled, .e = e,
    };
    if (!yaml_parser_initialize(&r.parser))
        abort(); /* out of memory */
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, len);
    struct yaml *y = read_document(&r);
    if (!y)
        return -1;
    *out = y;
    return 0;
}

int yaml_read(const char *name, const char *text, size_t len, const struct yaml_limits *limits,
              struct yaml **out, struct err *e)
{
    return yaml_read_last(name, text, len, limits, NULL, out, e);
}

int yaml_read_file(const char *path, const struct yaml_limits *limits, struct yaml **out, struct err *e)
{
    auto_free char *text = NULL;
    auto_err problem = ERR_INIT;
    size_t len = 0;
    if (file_read(path, limits->bytes, &text, &len, &problem) < 0)
        return problem.code == EFBIG ? too_large(path, limits, e) : err_move(e, &problem);
    return yaml_read(path, text, len, limits, out, e);
}
