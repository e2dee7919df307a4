#include "stages/variables.h"

#include "base/strbuf.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>

/* Chains of references that people write are two or three long. */
#define NESTING_MAX 100

void variables_add(struct variables *v, const char *key, const char *value, unsigned flags)
{
    if (v->n == v->size) {
        v->size = v->size ? 2 * v->size : 16;
        v->items = xreallocarray(v->items, v->size, sizeof(*v->items));
    }
    v->items[v->n++] = (struct variable){ xstrdup(key), xstrdup(value ? value : ""), flags };
}

void variables_addf(struct variables *v, unsigned flags, const char *key, const char *fmt, ...)
{
    char *value = NULL;
    va_list args;

    va_start(args, fmt);
    int len = vasprintf(&value, fmt, args);
    va_end(args);
    if (len < 0)
        abort();
    variables_add(v, key, value, flags);
    free(value);
}

void variables_append(struct variables *v, const struct variables *from)
{
    for (size_t i = 0; i < from->n; i++)
        variables_add(v, from->items[i].key, from->items[i].value, from->items[i].flags);
}

static const struct variable *find(const struct variables *v, const char *name, size_t len)
{
    for (size_t i = v->n; i-- > 0;)
        if (strncmp(v->items[i].key, name, len) == 0 && v->items[i].key[len] == '\0')
            return &v->items[i];
    return NULL;
}

const struct variable *variables_find(const struct variables *v, const char *key)
{
    return find(v, key, strlen(key));
}

const char *variables_value(const struct variables *v, const char *key)
{
    const struct variable *found = variables_find(v, key);
    return found ? found->value : NULL;
}

static bool is_name(unsigned char c)
{
    return c == '_' || (c < 0x80 && isalnum(c));
}

bool variables_key_valid(const char *key)
{
    if (!*key || isdigit((unsigned char)*key))
        return false;
    for (; *key; key++)
        if (!is_name((unsigned char)*key))
            return false;
    return true;
}

void variables_release(struct variables *v)
{
    for (size_t i = 0; i < v->n; i++) {
        free(v->items[i].key);
        free(v->items[i].value);
    }
    free(v->items);
    *v = (struct variables)VARIABLES_INIT;
}

/* ---- Expansion ---- */

typedef int lookup_fn(void *ctx, const char *name, size_t len, struct strbuf *out, struct err *e);

static int too_long(struct err *e)
{
    return err_set(e, ERR_JOB, 0, "it grows beyond %zu KiB when its references are expanded",
                   VARIABLE_VALUE_MAX >> 10);
}

/* The name that a `$` refers to. `s` is what follows the dollar; *consumed is how
 * much of it belongs to the reference. No name but something consumed is bad
 * syntax, which disappears; neither is a dollar that stays. These are the rules of
 * Go's os.Expand, quirks included, because scripts depend on them. */
static size_t reference(const char *s, const char **name, size_t *consumed)
{
    static const char special[] = "*#$@!?-0123456789";

    if (s[0] == '{') {
        const char *end = strchr(s, '}');
        *name = s + 1;
        *consumed = end ? (size_t)(end - s) + 1 : 1;
        return end ? (size_t)(end - s) - 1 : 0;
    }
    *name = s;
    size_t len = 0;
    if (s[0] && strchr(special, s[0]))
        len = 1;
    else
        while (is_name((unsigned char)s[len]))
            len++;
    *consumed = len;
    return len;
}

static int expand(const char *text, lookup_fn *lookup, void *ctx, struct strbuf *out, struct err *e)
{
    while (*text) {
        size_t plain = strcspn(text, "$");
        if (strbuf_add(out, text, plain) < 0)
            return too_long(e);
        text += plain;
        if (!*text)
            break;

        const char *name;
        size_t consumed;
        size_t len = reference(text + 1, &name, &consumed);
        bool dollar = consumed == 0 || (len == 1 && *name == '$');
        if (dollar && strbuf_add(out, "$", 1) < 0)
            return too_long(e);
        if (!dollar && len > 0 && lookup(ctx, name, len, out, e) < 0)
            return -1;
        text += 1 + consumed;
    }
    return 0;
}

/* A variable while the list is being resolved. */
enum progress { WAITING, UNDER_WAY, DONE };

struct resolver {
    struct variables *list; /* each key once; values are replaced as they are resolved */
    enum progress *progress;
    const char *files_dir;
    unsigned nesting;
    bool is_strict; /* what is not there, or no text for everybody, is an error */
};

static lookup_fn lookup_unresolved;

static int resolve(struct resolver *r, size_t i, struct err *e)
{
    struct variable *v = &r->list->items[i];
    auto_strbuf value = STRBUF_INIT(VARIABLE_VALUE_MAX);

    if (r->progress[i] != WAITING)
        return 0;
    if (v->flags & VARIABLE_RAW) {
        r->progress[i] = DONE;
        return 0;
    }
    if (++r->nesting > NESTING_MAX)
        return err_set(e, ERR_JOB, 0, "variable %s: more than %d references into each other", v->key, NESTING_MAX);
    r->progress[i] = UNDER_WAY;
    if (expand(v->value, lookup_unresolved, r, &value, e) < 0)
        return err_wrap(e, "variable %s", v->key);
    free(v->value);
    v->value = strbuf_take(&value);
    r->progress[i] = DONE;
    r->nesting--;
    return 0;
}

static int lookup_unresolved(void *ctx, const char *name, size_t len, struct strbuf *out, struct err *e)
{
    struct resolver *r = ctx;
    const struct variable *found = find(r->list, name, len);

    if (r->is_strict && (!found || found->flags & (VARIABLE_FILE | VARIABLE_MASKED)))
        return err_set(e, ERR_NOT_FOUND, 0, "nothing is known of a variable that it refers to");
    if (!found)
        return 0;
    size_t i = (size_t)(found - r->list->items);
    auto_free char *text = NULL;
    if (found->flags & VARIABLE_FILE) {
        text = xasprintf("%s/%s", r->files_dir, found->key);
    } else if (r->progress[i] == UNDER_WAY) {
        text = xasprintf("$%s", found->key);
    } else {
        if (resolve(r, i, e) < 0)
            return -1;
        text = xstrdup(found->value);
    }
    return strbuf_add(out, text, strlen(text)) < 0 ? too_long(e) : 0;
}

static void add_or_replace(struct variables *out, const struct variable *v)
{
    for (size_t i = 0; i < out->n; i++) {
        struct variable *there = &out->items[i];
        if (strcmp(there->key, v->key) != 0)
            continue;
        free(there->value);
        there->value = xstrdup(v->value);
        there->flags = v->flags;
        return;
    }
    variables_add(out, v->key, v->value, v->flags);
}

int variables_resolve(const struct variables *v, const char *files_dir, struct variables *out, struct err *e)
{
    auto_variables list = VARIABLES_INIT;

    if (v->n > VARIABLES_MAX)
        return err_set(e, ERR_JOB, 0, "%zu variables: more than the %zu that a job may have", v->n, VARIABLES_MAX);
    for (size_t i = 0; i < v->n; i++)
        add_or_replace(&list, &v->items[i]);

    auto_free enum progress *progress = xcalloc(list.n + 1, sizeof(*progress));
    struct resolver r = { .list = &list, .progress = progress, .files_dir = files_dir };
    for (size_t i = 0; i < list.n; i++)
        if (resolve(&r, i, e) < 0)
            return -1;

    variables_release(out);
    *out = list;
    list = (struct variables)VARIABLES_INIT;
    return 0;
}

static int lookup_resolved(void *ctx, const char *name, size_t len, struct strbuf *out, struct err *e)
{
    const struct variables *const *list = ctx;
    const struct variable *found = find(*list, name, len);

    if (found && strbuf_add(out, found->value, strlen(found->value)) < 0)
        return too_long(e);
    return 0;
}

int variables_expand(const struct variables *resolved, const char *text, char **out, struct err *e)
{
    auto_strbuf value = STRBUF_INIT(VARIABLE_VALUE_MAX);

    if (expand(text, lookup_resolved, &resolved, &value, e) < 0)
        return -1;
    *out = strbuf_take(&value);
    return 0;
}

int variables_expand_known(const struct variables *v, const char *text, char **out, struct err *e)
{
    auto_variables list = VARIABLES_INIT;
    auto_strbuf value = STRBUF_INIT(VARIABLE_VALUE_MAX);

    variables_append(&list, v);
    auto_free enum progress *progress = xcalloc(list.n + 1, sizeof(*progress));
    struct resolver r = { .list = &list, .progress = progress, .is_strict = true };
    if (expand(text, lookup_unresolved, &r, &value, e) < 0)
        return -1;
    *out = strbuf_take(&value);
    return 0;
}
