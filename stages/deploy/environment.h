/* stages/deploy/environment.h: the variables that a compose file may name: name -> value, secret or not.
 *
 * Of several sources of one name the first of these counts:
 *
 *   1. SV_<ENVIRONMENT>_<NAME> as NAME, for that environment alone; secret
 *   2. CI_ENVIRONMENT_NAME, CI_ENVIRONMENT_DOMAIN: what is deployed, and where it is found
 *   3. MAILS_*, INFLUXDB_* of the target
 *   4. MYSQL_*, POSTGRES_*, MONGODB_*, made of the target's key: stable, stored nowhere
 *   5. the job's CI_* and X_* as they are, but for CI's own passwords and tokens, which end
 *      with the job
 *
 * So a project can bring its own mail server or database by secrets of those names.
 *
 * <ENVIRONMENT> is the environment's name in capitals, with _ for each character that
 * is neither a letter nor a digit: `review/foo` reads SV_REVIEW_FOO_*. SV_PROD_EU_KEY is
 * EU_KEY of `prod`, and KEY of `prod-eu`: nobody knows all environments that there are, so
 * each reads what its own name says.
 *
 * A variable of the type file is its content: there is no file where the value goes. */
#ifndef STAGES_DEPLOY_ENVIRONMENT_H
#define STAGES_DEPLOY_ENVIRONMENT_H

#include "base/strbuf.h"
#include "base/strvec.h"
#include "stages/deploy/target.h"
#include "stages/variables.h"

/* The account of a project on a target was a Unix user's once; names of networks and hosts are short still. */
#define DEPLOY_PROJECT_MAX 32

struct deploy_identity {
    const char *project;     /* "group/proj" */
    const char *environment; /* "review/foo" */
    const char *commit, *ref, *who, *job_url;
    char *unit; /* identity_unit */
};

/* "group-proj-staging": what is deployed is called so on its target: containers, network, volumes, default domain. Two
 * projects or environments that would be called alike have a mark at the end ("a-b/c" and "a/b-c" do). The
 * caller's. ERR_JOB when the project's path is longer than DEPLOY_PROJECT_MAX, or a name has no letter or digit. */
int identity_unit(const char *project, const char *environment, char **out, struct err *e);

struct deploy_environment;

/* `resolved` are the job's variables, with flags, each once and expanded (variables_resolve). The identity and the target,
 * its secrets read, are borrowed. ERR_JOB when CI_ENVIRONMENT_URL is no address. */
int environment_make(const struct variables *resolved, const struct deploy_identity *who, const struct target *target,
                     struct deploy_environment **out, struct err *e);
void environment_free(struct deploy_environment *env);

/* The value, borrowed; NULL when there is none of that name. */
const char *environment_find(const struct deploy_environment *env, const char *name, bool *secret);

/* What to do about a name that has no value: "create SV_PROD_API_KEY in the project's CI/CD variables". */
void environment_missing(const struct deploy_environment *env, const char *name, struct strbuf *hint);

/* The values that no log may show. */
const struct strvec *environment_secrets(const struct deploy_environment *env);

static inline void environment_release(struct deploy_environment **env)
{
    environment_free(*env);
}
#define auto_deploy_environment __attribute__((cleanup(environment_release))) struct deploy_environment

#endif
