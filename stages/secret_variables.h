/* stages/secret_variables.h: the job's variables SV_*, which are for the deployed application alone.
 *
 * `SV_PROD_API_KEY` reaches what is deployed to the environment `prod` as API_KEY
 * (stages/deploy/environment.h), and nothing else: no script, no container of a job.
 * So a job can use it, and nobody who may write a script can read it. */
#ifndef STAGES_SECRET_VARIABLES_H
#define STAGES_SECRET_VARIABLES_H

#include "stages/job.h"

/* Shorter values are not looked for in other texts, as GitLab masks none that is
 * shorter: "true" and "8080" stand everywhere. Nor are words of lower-case letters
 * alone ("postgres", "production"), unless GitLab was told to mask them. */
#define SECRET_LOOKED_FOR ((size_t)8)

struct secret_variable {
    char *name;
    char *value;     /* secret; of file variables the content */
    bool looked_for; /* in texts that only happen to hold it */
    struct strvec forms; /* the value, and as it stands in shell words and in JSON */
};

struct secret_variables {
    struct secret_variable *items;
    size_t n;
};

bool secret_variable_is(const char *name);

/* Those of the hook's environment. `job` says which of them are masked. */
void secret_variables_read(const struct job *job, char *const *env, struct secret_variables *out);
void secret_variables_release(struct secret_variables *s);

const struct secret_variable *secret_variables_find(const struct secret_variables *s, const char *name);
/* The one whose value stands in the text; NULL when none does, of those that are looked for. */
const struct secret_variable *secret_variables_within(const struct secret_variables *s, const char *text, size_t len);
/* ERR_JOB when a text of the JSON holds one: what the daemon is told, it shows to everybody who may ask it. `what`
 * names the thing for the message. */
int secret_variables_check(const struct secret_variables *s, json_t *root, const char *what, struct err *e);

#define auto_secret_variables __attribute__((cleanup(secret_variables_release))) struct secret_variables

#endif
