/* executor/doctor_cache.c: how much the host's caches are, beside what they may be. */
#include "executor/doctor.h"

#include "base/number.h"
#include "base/text.h"
#include "cache/store/walk.h"

#include <time.h>

static const char prune[] = "atelier cache prune";

static void judge_size(struct doctor *d, const struct store_totals *sum)
{
    int64_t limit = d->config.cache_size;
    char size[32], most[32];

    (void)size_format(sum->size, size, sizeof(size));
    (void)size_format(limit, most, sizeof(most));
    if (limit > 0 && sum->size > limit)
        doctor_say(d, VERDICT_WARNING, prune, "caches: %zu, %s: more than cache_size, %s", sum->caches, size, most);
    else if (limit > 0)
        doctor_say(d, VERDICT_OK, NULL, "caches: %zu, %s of %s", sum->caches, size, most);
    else
        doctor_say(d, VERDICT_OK, NULL, "caches: %zu, %s; no limit: cache_size is not set", sum->caches, size);
}

static void judge(struct doctor *d, const struct store_index *x)
{
    struct store_totals sum;

    store_index_sum(x, &sum);
    judge_size(d, &sum);
    if (sum.leftovers > 0)
        doctor_say(d, VERDICT_WARNING, prune, "leftovers of writers that were killed: %zu", sum.leftovers);
    if (x->unreadable > 0)
        doctor_say(d, VERDICT_SKIPPED, NULL, "folders that this user cannot read: %zu", x->unreadable);
}

void doctor_cache(struct doctor *d)
{
    auto_store_index index = { 0 };
    auto_close int root = -1;
    auto_err e = ERR_INIT;

    if (d->engine && !engine_is_local(d->engine)) {
        doctor_say(d, VERDICT_SKIPPED, NULL, "it is the daemon's machine that has them");
        return;
    }
    if (store_root_open(d->config.cache, &root, &e) < 0) {
        doctor_say(d, e.kind == ERR_NOT_FOUND ? VERDICT_OK : VERDICT_SKIPPED, NULL, "%s",
                   e.kind == ERR_NOT_FOUND ? "there are none yet" : err_text(&e));
        return;
    }
    store_walk(root, (int64_t)time(NULL), &index);
    judge(d, &index);
}
