/* stages/setting.h: what the host's owner may set of a kind's containers: one row each.
 *
 * A row gives the key in the configuration, how its value is read, its place in
 * the Engine API's POST /containers/create, and its help; the sample and the
 * manual come from it. */
#ifndef STAGES_SETTING_H
#define STAGES_SETTING_H

#include "base/err.h"
#include "base/yaml.h"

#include <jansson.h>

/* Turn what was written into the API's value, a new reference; NULL when it cannot be. */
typedef json_t *setting_fn(const struct yaml *y);

/* Whose containers. */
enum setting_for {
    FOR_JOB = 1, /* the job's own */
    FOR_HELPER = 2,
    FOR_SERVICES = 4,
    FOR_ALL = FOR_JOB | FOR_HELPER | FOR_SERVICES,
};

struct setting {
    const char *name;
    setting_fn *read;
    const char *problem;   /* what a value must be: "must be …" */
    const char *place;     /* "HostConfig.Memory" */
    enum setting_for whose;
    const char *otherwise; /* the default, as one would write it */
    const char *help;
};

extern const struct setting settings[]; /* ends with a row without a name */

const struct setting *setting_find(const char *name); /* NULL when there is none */

/* Put those of the values (name -> API value) that are for `whose` container into its create body. */
void settings_apply(const json_t *values, enum setting_for whose, json_t *create);

#endif
