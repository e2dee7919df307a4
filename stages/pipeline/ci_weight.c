/* stages/pipeline/ci_weight.c: how much memory the jobs take: what stands once in a file may be in each of them. */
#include "stages/pipeline/ci_value.h"

#include <string.h>

/* Beside the tree, and within 256 MB. */
#define WEIGHT_MAX ((size_t)64 << 20)

/* Stops where it is too much. */
static void add_weight(const struct yaml *y, size_t *sum)
{
    *sum += CI_VALUE_WEIGHT + (y->text ? strlen(y->text) : 0);
    for (size_t i = 0; i < y->n && *sum <= WEIGHT_MAX; i++)
        add_weight(y->items[i], sum);
}

bool ci_too_heavy(const struct ci_file *f)
{
    return f->weight > WEIGHT_MAX;
}

int ci_weigh(struct ci_file *f, const struct yaml *job, size_t more, struct err *e)
{
    f->weight += more;
    return ci_too_heavy(f) ? yaml_error(e, ERR_JOB, job->file, job, "with this the jobs take more than %zu MB of memory: they have "
                                        "large values in common, each its own copy; split the pipeline", WEIGHT_MAX >> 20) : 0;
}

int ci_weigh_value(struct ci_file *f, const struct yaml *job, const struct yaml *value, struct err *e)
{
    size_t sum = 0;

    if (!ci_absent(value))
        add_weight(value, &sum);
    return ci_weigh(f, job, sum, e);
}
