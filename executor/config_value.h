/* executor/config_value.h: how the values of the configuration are read, one function a type. */
#ifndef EXECUTOR_CONFIG_VALUE_H
#define EXECUTOR_CONFIG_VALUE_H

#include "base/yaml.h"

/* Read `y` into *member, whose type is the function's. -1 when it cannot be, and
 * *problem then says what it must be: "must be true or false". */
typedef int value_fn(const struct yaml *y, void *member, const char **problem);

value_fn value_path;     /* char *: absolute, without '..' and ':' */
value_fn value_text;     /* char *: not empty */
value_fn value_flag;     /* bool */
value_fn value_duration; /* int64_t: milliseconds */
value_fn value_size;     /* int64_t: bytes */
value_fn value_docker;   /* enum docker_access */
value_fn value_storage;  /* enum storage */
value_fn value_secrets;  /* bool: whether they stay in scripts */
value_fn value_patterns; /* struct strvec: of texts */
value_fn value_words;    /* struct strvec */
value_fn value_endpoint; /* char *: unix://, tcp:// or ssh:// */
value_fn value_daemon;   /* char *: unix:// or tcp:// */
value_fn value_routing;  /* enum routing */
value_fn value_cpus;     /* int64_t: 1e9 of them are one CPU */
value_fn value_count;    /* int64_t: from 1 to 1000 */
value_fn value_standby;  /* int64_t: 0 or 1 */
value_fn value_networks; /* int64_t: from 0 */
value_fn value_cleanup;  /* bool: wait */
value_fn value_unready;  /* enum on_unready */
value_fn value_images;   /* struct strvec: patterns of images */
value_fn value_policies; /* struct strvec: pull policies */
value_fn value_mounts;   /* struct strvec: HOST:CONTAINER[:ro], VOLUME:CONTAINER[:ro], or CONTAINER */

#endif
