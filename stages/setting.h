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
#include <stdbool.h>

/* Turn what was written into the API's value, a new reference; NULL when it cannot be. */
typedef json_t *setting_fn(const struct yaml *y);

struct setting {
    const char *name;
    setting_fn *read;
    const char *problem;   /* what a value must be: "must be …" */
    const char *place;     /* "HostConfig.Memory" */
    bool helper;           /* for the helper and service containers too, not only the job's own */
    const char *otherwise; /* the default, as one would write it */
    const char *help;
};

extern const struct setting settings[]; /* ends with a row without a name */

const struct setting *setting_find(const char *name); /* NULL when there is none */

/* Put the values (name -> API value) into a container's create body. `own`: it is
 * the job's own container, which gets all of them. */
void settings_apply(const json_t *values, bool own, json_t *create);

#endif
