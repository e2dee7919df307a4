/* cache/archive/extraction.h: what the threads of one extraction share. For this folder alone. */
#ifndef CACHE_ARCHIVE_EXTRACTION_H
#define CACHE_ARCHIVE_EXTRACTION_H

#include "cache/archive/extract.h"
#include "cache/archive/output.h"
#include "cache/archive/reader.h"
#include "cache/archive/seen.h"

struct extraction {
    const struct extract_rules *rules;
    const struct report *report;
    struct counted counted;
    struct outputs *outputs;
    struct tree model;
};

/* What is made after the files. */
struct late {
    char *name, *target; /* target: of a link */
    struct attributes as;
    uint32_t number; /* of the entry */
    bool symbolic;
};

struct lates {
    struct late *items;
    size_t n, size;
};

/* One thread that decodes: of a zip there may be several, each with the names that fall to it. */
struct decoder {
    struct extraction *x;
    struct reader reader;
    struct tree tree;
    unsigned share, shares;
    uint32_t number; /* of the entry that is being read */
    struct seen seen;
    struct lates links, folders;
    struct archive_totals totals;
};

void lates_add(struct lates *l, const char *name, const char *target, const struct attributes *as, uint32_t number,
               bool symbolic);

/* Decode all of the share, from `entry` on, which has been read already (NULL: there is none). */
int decoder_run(struct decoder *d, struct archive_entry *entry, struct err *e);
/* Links and then folders of n decoders, when all files are there. */
int decoders_finish(struct decoder *d, unsigned n, struct err *e);
void decoder_release(struct decoder *d);

#endif
