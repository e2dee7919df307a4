/* stages/variables.h: a job's variables, as GitLab sends them and as the runner expands them. */
#ifndef STAGES_VARIABLES_H
#define STAGES_VARIABLES_H

#include "base/err.h"

#include <stdbool.h>

struct variable {
    char *key;
    char *value;
    unsigned flags;
};

enum variable_flag {
    VARIABLE_PUBLIC = 1, /* was in the YAML file, or is predefined: no secret */
    VARIABLE_FILE = 2,   /* the job gets the path of a file with the value */
    VARIABLE_MASKED = 4, /* never shown in a log */
    VARIABLE_RAW = 8,    /* a `$` in it means itself */
};

/* In order of precedence: of several with one key the last one counts. */
struct variables {
    struct variable *items;
    size_t n;
    size_t size;
};

#define VARIABLES_INIT { NULL, 0, 0 }

/* The most that one value may become when it is expanded: the kernel takes no
 * longer string in a process's environment, and no more of them than this. */
#define VARIABLE_VALUE_MAX ((size_t)128 << 10)
#define VARIABLES_MAX      ((size_t)5000)

void variables_add(struct variables *v, const char *key, const char *value, unsigned flags);
void variables_addf(struct variables *v, unsigned flags, const char *key, const char *fmt, ...) PRINTF_LIKE(4, 5);
void variables_append(struct variables *v, const struct variables *from);
/* The one that counts, or NULL. */
const struct variable *variables_find(const struct variables *v, const char *key);
/* The value of the one that counts, or NULL. Borrowed. */
const char *variables_value(const struct variables *v, const char *key);
/* Whether the text can be a variable's name: letters, digits and _, no digit first. */
bool variables_key_valid(const char *key);
void variables_release(struct variables *v);

/* Each key once, in the order in which the keys first appear, with the value that
 * counts, expanded by the rules of Go's os.Expand as gitlab-runner does: $X, ${X},
 * $$ is a dollar, an unknown name is empty. A reference to a file variable gives
 * "<files_dir>/KEY". References may be nested; one that leads back to itself stays
 * as it was written. ERR_JOB when a value grows beyond VARIABLE_VALUE_MAX. */
int variables_resolve(const struct variables *v, const char *files_dir, struct variables *out, struct err *e);

/* Expand a text by the same rules with variables that are resolved already. *out is the caller's. */
int variables_expand(const struct variables *resolved, const char *text, char **out, struct err *e);
/* The same with variables that are not resolved, for everybody's eyes: ERR_NOT_FOUND when the text refers, however far, to
 * one that is not there, is masked or is a file. */
int variables_expand_known(const struct variables *v, const char *text, char **out, struct err *e);

#define auto_variables __attribute__((cleanup(variables_release))) struct variables

#endif
