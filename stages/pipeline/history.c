#include "stages/pipeline/history.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

struct commit {
    const char *name;
    char *parents; /* names with a blank between; "" */
    char *marks;   /* with ", " between; "" */
    bool seen;
};

struct commits {
    struct commit *items;
    size_t n;
    struct commit **now, **next; /* a generation, and the one before it */
    size_t n_now, n_next;
};

static void commits_release(struct commits *c)
{
    free(c->items);
    free(c->now);
    free(c->next);
}

static int compare(const void *a, const void *b)
{
    return strcmp(((const struct commit *)a)->name, ((const struct commit *)b)->name);
}

/* What follows the first such character, which ends `text` now; "" when there is none. */
static char *cut(char *text, const char *at)
{
    char *rest = text + strcspn(text, at);

    if (*rest)
        *rest++ = '\0';
    return rest;
}

static void parse(char *text, struct commits *out)
{
    size_t lines = 1;

    for (const char *p = text; (p = strchr(p, '\n')); p++)
        lines++;
    out->items = xcalloc(lines, sizeof(*out->items));
    for (char *line; text && (line = strsep(&text, "\n"));) {
        if (!*line)
            continue;
        char *marks = cut(line, "\t");
        char *parents = cut(line, " ");
        out->items[out->n++] = (struct commit){ line, parents, marks, false };
    }
    out->now = xcalloc(out->n + 1, sizeof(struct commit *));
    out->next = xcalloc(out->n + 1, sizeof(struct commit *));
}

/* False when it is not there. */
static bool visit(struct commits *c, const char *name)
{
    const struct commit key = { .name = name };
    struct commit *found = bsearch(&key, c->items, c->n, sizeof(*c->items), compare);

    if (found && !found->seen) {
        found->seen = true;
        c->next[c->n_next++] = found;
    }
    return found != NULL;
}

static void next_generation(struct commits *c)
{
    struct commit **old = c->now;

    c->now = c->next;
    c->n_now = c->n_next;
    c->next = old;
    c->n_next = 0;
}

static bool visit_parents(struct commits *c)
{
    for (size_t i = 0; i < c->n_now; i++) {
        char *rest = c->now[i]->parents;
        for (char *name; rest && (name = strsep(&rest, " "));)
            if (*name && !visit(c, name))
                return false;
    }
    next_generation(c);
    return true;
}

static void add_tags(char *marks, struct strvec *out)
{
    static const char tag[] = "tag: ";

    for (char *next; marks; marks = next) {
        next = strstr(marks, ", "); /* a name may have a comma, and no blank */
        if (next) {
            *next = '\0';
            next += 2;
        }
        if (text_starts(marks, tag))
            strvec_push(out, marks + strlen(tag));
    }
}

static void tell(const struct commits *c, struct strvec *ends, struct strvec *tags)
{
    for (size_t i = 0; i < c->n_now; i++)
        if (*c->now[i]->parents)
            strvec_push(ends, c->now[i]->name);
    for (size_t i = 0; i < c->n; i++)
        if (c->items[i].seen)
            add_tags(c->items[i].marks, tags);
}

bool history_read(char *commits, int depth, struct strvec *ends, struct strvec *tags)
{
    __attribute__((cleanup(commits_release))) struct commits c = { 0 };

    parse(commits, &c);
    if (c.n == 0)
        return true;
    auto_free char *newest = xstrdup(c.items[0].name);
    qsort(c.items, c.n, sizeof(*c.items), compare);
    (void)visit(&c, newest);
    next_generation(&c);
    for (int generation = 1; generation < depth && c.n_now > 0; generation++)
        if (!visit_parents(&c))
            return false;
    tell(&c, ends, tags);
    return true;
}
