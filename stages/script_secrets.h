/* stages/script_secrets.h: takes the job's secret variables out of a script of gitlab-runner's.
 *
 * The runner writes an `export` of every variable of a job, SV_* too, into every
 * script, as one word for `eval`:
 *
 *     : | eval $'export CI=true\nexport SV_PROD_KEY=$\'a b\'\n…'
 *
 * The exports of SV_*, and the files of those that are of the type file, leave; every
 * other byte stays. What follows the exports may mention a variable (it is empty), but
 * not hold its value: the runner expands `$SV_…` in values of other variables, in
 * names of images, in keys of caches. A script of another form, or with such a value in
 * it, is refused rather than run: see tests/cases/scripts for those of gitlab-runner. */
#ifndef STAGES_SCRIPT_SECRETS_H
#define STAGES_SCRIPT_SECRETS_H

#include "stages/secret_variables.h"

#include "base/strbuf.h"

struct script_secrets {
    const struct secret_variables *secrets;
    /* What follows the exports is as the job's author wrote it, so that a value in it is no secret of anybody's: so it
     * is in `script` and `after_script`, where the runner expands nothing. */
    bool authors_own;
};

/* Append the cleaned script to `out`. ERR_JOB when something else in it holds a secret: it names both, and neither
 * value. ERR_SYSTEM when its form is not known. Nothing is to be run then. */
int script_secrets_remove(const struct script_secrets *s, const char *script, size_t len, struct strbuf *out,
                          struct err *e);

#endif
