#include "cache/archive/limits.h"

#include "base/number.h"

int limits_entry(const struct extract_limits *l, struct counted *c, struct err *e)
{
    int64_t n = atomic_fetch_add(&c->entries, 1) + 1;

    if (l->entries > 0 && n > l->entries)
        return err_set(e, ERR_JOB, 0, "the archive has more than %lld entries, which is the limit", (long long)l->entries);
    return 0;
}

int limits_bytes(const struct extract_limits *l, struct counted *c, int64_t bytes, int64_t packed, struct err *e)
{
    char text[32];

    if (bytes < 0 || bytes > INT64_MAX / 2)
        return err_set(e, ERR_JOB, 0, "no file can be as large as the archive says");
    int64_t n = atomic_fetch_add(&c->bytes, bytes) + bytes;
    if (l->bytes > 0 && (n > l->bytes || n < 0))
        return err_set(e, ERR_JOB, 0, "the archive's files have more than %s together, which is the limit",
                       size_format(l->bytes, text, sizeof text));
    if (l->ratio > 0 && packed >= 0 && n > LIMITS_RATIO_FROM && n / l->ratio > packed)
        return err_set(e, ERR_JOB, 0, "more than %d bytes come out of each of the archive's, which is the limit", l->ratio);
    return 0;
}
