/* cache/helper/flag.h: options as gitlab-runner's scripts write them (contract 3.1): Go's.
 *
 * `--name value`, `--name=value`, `-name value`; a switch is `--name` or
 * `--name=true`; options end at the first word that is none. An option that is not
 * given is what its environment variable says. One that we do not know comes from
 * a newer gitlab-runner: it is left out with a warning, where the official helper
 * fails. */
#ifndef CACHE_HELPER_FLAG_H
#define CACHE_HELPER_FLAG_H

#include "base/err.h"
#include "base/strbuf.h"
#include "base/strvec.h"
#include "cache/report.h"

enum flag_type {
    FLAG_TEXT,     /* const char *, borrowed from argv or the environment */
    FLAG_LIST,     /* struct strvec: may be given several times */
    FLAG_SWITCH,   /* bool */
    FLAG_NUMBER,   /* int64_t, not negative */
    FLAG_DURATION, /* int64_t: milliseconds */
};

struct flag {
    const char *name;
    const char *env;       /* the variable that is its default; NULL: none */
    const char *otherwise; /* what it is without both; NULL: empty, false, 0 */
    enum flag_type type;
    size_t offset;         /* of the member in the command's options */
    const char *help;
};

/* Read argv (the words behind the command) into `options`, which must be zero; `table`
 * ends with a row without a name. Returns how many words were options, or -1
 * with ERR_USAGE when a value cannot be what its option wants. */
int flags_parse(const struct flag *table, char *const *argv, char *const *env, const struct report *report,
                void *options, struct err *e);
void flags_release(const struct flag *table, void *options);
/* One line an option, for --help. */
void flags_help(const struct flag *table, struct strbuf *out);

#endif
