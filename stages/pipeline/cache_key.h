/* stages/pipeline/cache_key.h: from the text of a cache's key to the file that it names (contract 4.1, 4.2). Pure. */
#ifndef STAGES_PIPELINE_CACHE_KEY_H
#define STAGES_PIPELINE_CACHE_KEY_H

#include <stdbool.h>

/* What a server puts behind each key of a branch that is not protected, as all are here. CACHE_FALLBACK_KEY gets none. */
#define CACHE_KEY_SUFFIX "-non_protected"

/* The key as a path that leads nowhere else: `\`, %2f and %2e are what they stand for, `.` and `..` are
 * taken out, and blanks and slashes at the end. May be empty. The caller's. */
char *cache_key_sanitize(const char *raw);
/* CACHE_FALLBACK_KEY: a key of a protected branch is not for others. */
bool cache_key_is_protected(const char *key);
/* The way from one absolute, clean folder to a path: "../../cache/x". The caller's. */
char *cache_key_way(const char *from, const char *to);

#endif
