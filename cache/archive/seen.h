/* cache/archive/seen.h: which names an archive had so far, and which entry had each last. For this folder alone.
 *
 * By a hash of 64 bits: of two names with one hash the earlier is taken for a duplicate, which can happen only
 * in an archive that was made for it. */
#ifndef CACHE_ARCHIVE_SEEN_H
#define CACHE_ARCHIVE_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct seen {
    struct seen_name *items; /* open addressing; n <= size / 2 */
    size_t n, size;
};

uint64_t seen_hash(const char *name);
/* Entry `number` (from 1) has that name. Whether an earlier one had it. */
bool seen_add(struct seen *s, uint64_t hash, uint32_t number);
/* The last entry of that name; 0: none. */
uint32_t seen_last(const struct seen *s, uint64_t hash);
void seen_release(struct seen *s);

#endif
