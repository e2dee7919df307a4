/* executor/config_read.h: what the sections of the configuration are read with: its errors say file, line, what is wrong
 * and the nearest right word. */
#ifndef EXECUTOR_CONFIG_READ_H
#define EXECUTOR_CONFIG_READ_H

#include "base/err.h"
#include "base/strvec.h"
#include "base/yaml.h"
#include "executor/config.h"
#include "executor/config_key.h"

const struct key *key_find(const struct key *table, const char *name); /* NULL when there is none */
void key_names(const struct key *table, struct strvec *out);

/* "unknown key 'x'; did you mean 'y'?", pointing at the key. */
int config_unknown_key(const char *file, const struct yaml *y, const struct strvec *words, struct err *e);
/* "memory: 'lots' must be a size …", pointing at the value. */
int config_bad_value(const char *file, const char *name, const struct yaml *y, const char *problem, struct err *e);
/* The same for a value that may be a list or a map: when one part of it is what does not fit, that one is named and
 * pointed at. `fits` reads a value like the whole, with one part. */
int config_bad_part(const char *file, const char *name, const struct yaml *y, const char *problem,
                    bool (*fits)(const struct yaml *y, const void *arg), const void *arg, struct err *e);
/* Read `y` into the key's place below `base`. */
int config_read_key(const char *file, const struct key *k, const struct yaml *y, void *base, struct err *e);
int config_need_map(const char *file, const struct yaml *y, const char *what, struct err *e);

/* The section `targets`. */
int config_read_targets(const char *file, const struct yaml *y, struct config *c, struct err *e);

#endif
