/* executor/config_key.h: every key of the configuration, one row each: its type, its place, its default, its help.
 *
 * A key that becomes one value of the Engine API's container is a row of
 * stages/setting.h instead. */
#ifndef EXECUTOR_CONFIG_KEY_H
#define EXECUTOR_CONFIG_KEY_H

#include "base/strbuf.h"
#include "executor/config_value.h"

#include <stddef.h>

struct key {
    const char *name;
    value_fn *read;
    size_t offset;         /* in struct config; of config_kind_keys in struct kind */
    const char *otherwise; /* the default, as one would write it, or an example where there is none */
    const char *help;      /* lines for the sample; the manual has them too */
};

/* Each ends with a row without a name. */
extern const struct key config_keys[];         /* at the file's first level */
extern const struct key config_kind_keys[];    /* below kinds: KIND: */
extern const struct key config_service_keys[]; /* below services: */
extern const struct key config_target_keys[];  /* below targets: NAME:, in struct target */

/* Append a key's lines for the sample. */
void sample_key(struct strbuf *out, const char *indent, const char *name, const char *value, const char *help);
/* The sample of the section `targets`. */
void sample_targets(struct strbuf *out);

#endif
