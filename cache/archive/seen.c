#include "cache/archive/seen.h"

#include "base/memory.h"

struct seen_name {
    uint64_t hash;
    uint32_t number; /* 0: a free place */
};

/* FNV-1a; the places are taken from its upper half, which is the better mixed. */
uint64_t seen_hash(const char *name)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
    return hash;
}

static struct seen_name *place_of(const struct seen *s, uint64_t hash)
{
    for (size_t i = (size_t)(hash >> 24);; i++) {
        struct seen_name *at = &s->items[i & (s->size - 1)];
        if (at->number == 0 || at->hash == hash)
            return at;
    }
}

static void grow(struct seen *s)
{
    struct seen larger = { NULL, s->n, s->size ? s->size * 2 : 1024 };

    larger.items = xcalloc(larger.size, sizeof *larger.items);
    for (size_t i = 0; i < s->size; i++)
        if (s->items[i].number)
            *place_of(&larger, s->items[i].hash) = s->items[i];
    free(s->items);
    *s = larger;
}

bool seen_add(struct seen *s, uint64_t hash, uint32_t number)
{
    if (s->n >= s->size / 2)
        grow(s);
    struct seen_name *at = place_of(s, hash);
    bool before = at->number != 0;
    *at = (struct seen_name){ hash, number };
    s->n += !before;
    return before;
}

uint32_t seen_last(const struct seen *s, uint64_t hash)
{
    return s->n > 0 ? place_of(s, hash)->number : 0;
}

void seen_release(struct seen *s)
{
    free(s->items);
    *s = (struct seen){ 0 };
}
