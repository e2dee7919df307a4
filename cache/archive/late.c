/* What is made when all files are there: links, and then the folders' modes and times. */
#include "cache/archive/extraction.h"

#include <stdlib.h>
#include <string.h>

void lates_add(struct lates *l, const char *name, const char *target, const struct attributes *as, uint32_t number,
               bool symbolic)
{
    if (l->n == l->size) {
        l->size = l->size ? l->size * 2 : 64;
        l->items = xreallocarray(l->items, l->size, sizeof *l->items);
    }
    l->items[l->n++] = (struct late){ xstrdup(name), xstrdup(target), *as, number, symbolic };
}

static void lates_release(struct lates *l)
{
    for (size_t i = 0; i < l->n; i++) {
        free(l->items[i].name);
        free(l->items[i].target);
    }
    free(l->items);
    *l = (struct lates){ 0 };
}

static bool is_last_of_its_name(const struct decoder *d, const struct late *l)
{
    return seen_last(&d->seen, seen_hash(l->name)) == l->number;
}

static int make_links(struct decoder *d, bool symbolic, struct err *e)
{
    for (size_t i = 0; i < d->links.n; i++) {
        const struct late *l = &d->links.items[i];
        if (l->symbolic != symbolic || !is_last_of_its_name(d, l))
            continue;
        if ((symbolic ? tree_symlink(&d->tree, l->name, l->target, &l->as, e)
                      : tree_hardlink(&d->tree, l->name, l->target, e)) < 0)
            return -1;
    }
    return 0;
}

static int deepest_first(const void *a, const void *b)
{
    const struct late *const *x = a, *const *y = b;
    return strcmp((*y)->name, (*x)->name);
}

/* Deepest first: making a folder changes its parent's time, and a parent's mode may close it. */
static int set_folders(struct decoder *d, unsigned n, struct err *e)
{
    size_t total = 0, filled = 0;

    for (unsigned i = 0; i < n; i++)
        total += d[i].folders.n;
    auto_free const struct late **sorted = xcalloc(total + 1, sizeof *sorted);
    for (unsigned i = 0; i < n; i++)
        for (size_t k = 0; k < d[i].folders.n; k++)
            if (is_last_of_its_name(&d[i], &d[i].folders.items[k]))
                sorted[filled++] = &d[i].folders.items[k];
    qsort(sorted, filled, sizeof *sorted, deepest_first);
    for (size_t i = 0; i < filled; i++)
        if (tree_folder(&d->tree, sorted[i]->name, &sorted[i]->as, e) < 0)
            return -1;
    return 0;
}

/* A hard link may be to a symbolic one. */
int decoders_finish(struct decoder *d, unsigned n, struct err *e)
{
    for (int symbolic = 1; symbolic >= 0; symbolic--)
        for (unsigned i = 0; i < n; i++)
            if (make_links(&d[i], symbolic, e) < 0)
                return -1;
    return set_folders(d, n, e);
}

void decoder_release(struct decoder *d)
{
    reader_close(&d->reader);
    tree_release(&d->tree);
    seen_release(&d->seen);
    lates_release(&d->links);
    lates_release(&d->folders);
}
