#include "cache/store/index.h"

#include "base/text.h"

#include <string.h>

struct store_entry *store_index_add(struct store_index *x)
{
    if (x->n >= STORE_ENTRIES_MAX) {
        x->cut = true;
        return NULL;
    }
    if (x->n == x->size) {
        x->size = x->size ? x->size * 2 : 64;
        x->entries = xreallocarray(x->entries, x->size, sizeof(*x->entries));
    }
    x->entries[x->n] = (struct store_entry){ 0 };
    return &x->entries[x->n++];
}

/* ---- Where a key begins ---- */

/* The project's part ends in front of the key that metadata.json names, if the path ends so. */
static size_t key_as_said(const struct store_entry *t)
{
    size_t path = strlen(t->path), key = t->said_key ? strlen(t->said_key) : 0;

    if (key == 0 || path < t->below + key + 2 || t->path[path - key - 1] != '/')
        return 0;
    return strcmp(t->path + path - key, t->said_key) == 0 ? path - key : 0;
}

/* Behind the n-th element of what lies below the project's folder; 0 when nothing follows there. */
static size_t behind(const struct store_entry *t, unsigned n)
{
    const char *at = t->path + t->below;

    for (; n > 0; n--) {
        at = strchr(at, '/');
        if (!at)
            return 0;
        at++;
    }
    return (size_t)(at - t->path);
}

static bool same_folder(const struct store_entry *a, const struct store_entry *b)
{
    return a->below == b->below && strncmp(a->path, b->path, a->below) == 0;
}

/* How much of `a` both have, up to and with a "/", at most `most` bytes. */
static size_t in_common(const struct store_entry *a, const struct store_entry *b, size_t most)
{
    size_t end = 0;

    for (size_t i = 0; i < most && a->path[i] && a->path[i] == b->path[i]; i++)
        if (a->path[i] == '/')
            end = i + 1;
    return end;
}

static size_t last_element(const struct store_entry *t)
{
    const char *slash = strrchr(t->path + t->below, '/');

    return slash ? (size_t)(slash - t->path) + 1 : t->below;
}

/* Entries first..last are of one project folder. Those that say where their key begins tell it for the
 * others; without any, the project is what all have in common, a group and a name at least. */
static void find_keys(struct store_entry *first, const struct store_entry *last)
{
    const struct store_entry *sayer = NULL;
    size_t common = last_element(first);

    for (struct store_entry *t = first; t < last; t++) {
        t->key = key_as_said(t);
        sayer = t->key ? t : sayer;
        common = in_common(first, t, common);
    }
    for (struct store_entry *t = first; t < last; t++) {
        bool like_sayer = sayer && strncmp(t->path, sayer->path, sayer->key) == 0;
        size_t least = behind(t, 2), most = last_element(t);
        if (t->key)
            continue;
        t->key = like_sayer ? sayer->key : common > least ? common : least;
        if (t->key == 0 || t->key > most)
            t->key = most;
    }
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct store_entry *)a)->path, ((const struct store_entry *)b)->path);
}

static int by_use(const void *a, const void *b)
{
    int64_t one = ((const struct store_entry *)a)->used, other = ((const struct store_entry *)b)->used;

    return one == other ? by_path(a, b) : one > other ? -1 : 1;
}

void store_index_arrange(struct store_index *x)
{
    if (x->n == 0)
        return;
    const struct store_entry *end = x->entries + x->n;
    qsort(x->entries, x->n, sizeof(*x->entries), by_path);
    for (struct store_entry *first = x->entries, *last; first < end; first = last) {
        for (last = first + 1; last < end && same_folder(first, last); last++)
            ;
        find_keys(first, last);
    }
    qsort(x->entries, x->n, sizeof(*x->entries), by_use);
}

/* ---- What may go ---- */

static int64_t archives_size(const struct store_index *x)
{
    int64_t size = 0;

    for (size_t i = 0; i < x->n; i++)
        if (x->entries[i].has_archive && x->entries[i].fate != FATE_AGE)
            size += x->entries[i].size;
    return size;
}

static bool is_leftover(const struct store_entry *t)
{
    return !t->has_archive || t->leftovers > 0;
}

void store_index_judge(struct store_index *x, const struct store_limits *limits)
{
    for (size_t i = 0; i < x->n; i++) {
        struct store_entry *t = &x->entries[i];
        bool old = limits->age > 0 && limits->now - t->used > limits->age;
        t->fate = t->has_archive && old ? FATE_AGE : is_leftover(t) ? FATE_LEFTOVER : FATE_STAYS;
    }
    int64_t size = archives_size(x);
    for (size_t i = x->n; i-- > 0 && limits->size > 0 && size > limits->size;) {
        struct store_entry *t = &x->entries[i];
        if (!t->has_archive || t->fate == FATE_AGE)
            continue;
        t->fate = FATE_SIZE;
        size -= t->size;
    }
}

void store_index_sum(const struct store_index *x, struct store_totals *out)
{
    *out = (struct store_totals){ 0 };
    for (size_t i = 0; i < x->n; i++) {
        const struct store_entry *t = &x->entries[i];
        out->caches += t->has_archive;
        out->size += t->size;
        out->hits += t->hits;
        out->leftovers += t->leftovers + !t->has_archive;
        out->leftover_size += t->leftover_size;
    }
}

/* ---- The rest ---- */

static void entry_release(struct store_entry *t)
{
    free(t->path);
    free(t->said_key);
}

void store_index_filter(struct store_index *x, bool (*keep)(const struct store_entry *entry, void *ctx), void *ctx)
{
    size_t kept = 0;

    for (size_t i = 0; i < x->n; i++) {
        if (keep(&x->entries[i], ctx))
            x->entries[kept++] = x->entries[i];
        else
            entry_release(&x->entries[i]);
    }
    x->n = kept;
}

void store_index_release(struct store_index *x)
{
    for (size_t i = 0; i < x->n; i++)
        entry_release(&x->entries[i]);
    free(x->entries);
    *x = (struct store_index){ 0 };
}

char *store_entry_project(const struct store_entry *t)
{
    return t->key > t->below ? xstrndup(t->path + t->below, t->key - t->below - 1) : xstrdup("");
}

char *store_entry_runner(const struct store_entry *t)
{
    return xstrndup(t->path, strcspn(t->path, "/"));
}

const char *store_entry_key(const struct store_entry *t)
{
    return t->path + t->key;
}

static bool is_number(const char *text)
{
    return *text && strspn(text, "0123456789") == strlen(text);
}

bool store_is_leftover(const char *name)
{
    return text_starts(name, "archive_") || (text_starts(name, "cache") && is_number(name + strlen("cache"))) ||
           (name[0] == '.' && text_ends(name, ".new"));
}
