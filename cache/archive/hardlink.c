#include "cache/archive/hardlink.h"

#include "base/memory.h"

#include <stdint.h>

struct hardlink {
    dev_t dev;
    ino_t ino;
    const char *name; /* NULL: a free place */
};

static struct hardlink *place_of(const struct hardlinks *h, dev_t dev, ino_t ino)
{
    size_t i = (size_t)((ino ^ dev << 32) * UINT64_C(0x9e3779b97f4a7c15) >> 20);

    for (;; i++) {
        struct hardlink *at = &h->items[i & (h->size - 1)];
        if (!at->name || (at->dev == dev && at->ino == ino))
            return at;
    }
}

static void grow(struct hardlinks *h)
{
    struct hardlinks larger = { NULL, h->n, h->size ? h->size * 2 : 64 };

    larger.items = xcalloc(larger.size, sizeof *larger.items);
    for (size_t i = 0; i < h->size; i++)
        if (h->items[i].name)
            *place_of(&larger, h->items[i].dev, h->items[i].ino) = h->items[i];
    free(h->items);
    *h = larger;
}

const char *hardlinks_first(struct hardlinks *h, const struct stat *st, const char *name)
{
    if (st->st_nlink < 2)
        return NULL;
    if (h->n >= h->size / 2)
        grow(h);
    struct hardlink *at = place_of(h, st->st_dev, st->st_ino);
    if (at->name)
        return at->name;
    *at = (struct hardlink){ st->st_dev, st->st_ino, name };
    h->n++;
    return NULL;
}

void hardlinks_release(struct hardlinks *h)
{
    free(h->items);
    *h = (struct hardlinks){ 0 };
}
