/* base/strvec.h: a growing array of owned strings, always ended by NULL, as argv and environ want it. */
#ifndef BASE_STRVEC_H
#define BASE_STRVEC_H

#include "base/memory.h"

#include <stdbool.h>

struct strvec {
    char **items; /* NULL-terminated; NULL while empty: see strvec_list() */
    size_t n;
    size_t size;
};

#define STRVEC_INIT { NULL, 0, 0 }

void strvec_push(struct strvec *v, const char *s); /* copies */
void strvec_give(struct strvec *v, char *s);       /* takes ownership */
void strvec_pushf(struct strvec *v, const char *fmt, ...) PRINTF_LIKE(2, 3);
void strvec_push_all(struct strvec *v, const struct strvec *from);
bool strvec_has(const struct strvec *v, const char *s);
/* `KEY=value` entries: replace the entry of that key, or append one. */
void strvec_set_env(struct strvec *v, const char *key, const char *value);
/* The value of `key` in `KEY=value` entries; NULL when there is none. Borrowed. */
const char *strvec_env(const struct strvec *v, const char *key);
/* The same in an environment as programs get it (NULL-terminated, or NULL): NULL when it is not there or
 * empty. The last one wins, as it does for what gitlab-runner starts. */
const char *env_get(char *const *env, const char *key);
char *const *strvec_list(const struct strvec *v); /* never NULL */
char *strvec_join(const struct strvec *v, const char *between);
void strvec_release(struct strvec *v);

#define auto_strvec __attribute__((cleanup(strvec_release))) struct strvec

#endif
