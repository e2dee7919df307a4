/* executor/client_config.h: the registry logins that a job finds in its Docker client's configuration (the kind's
 * key registry_login).
 *
 * They are the job's own: those of its variable DOCKER_AUTH_CONFIG, and for other registries what GitLab sent. They lie
 * in a file system in memory of the build container alone, so they are on no disk, in no image that the job commits, in
 * nothing that `docker inspect` shows, and gone with the container.
 *
 * The folder is open to every user of the container, and only the job's own processes are in it: a `docker login` of
 * the job's replaces the file, as whoever it runs. The file is for the user that scripts run as alone, unless the
 * image has an ENTRYPOINT: that may go on as another user, whom nobody knows before. */
#ifndef EXECUTOR_CLIENT_CONFIG_H
#define EXECUTOR_CLIENT_CONFIG_H

#include "executor/host.h"
#include "stages/plan.h"

#define CLIENT_CONFIG_FOLDER "/run/atelier/docker" /* DOCKER_CONFIG of the job's scripts */

/* The configuration as one line, the caller's and secret (secret_forget); NULL when the job has no credentials. What
 * was left out is told to `warnings` (may be NULL): entries that cannot be read, and credential helpers, which would be
 * programs that the job's image need not have. ERR_JOB when the variable is no configuration. */
int client_config_text(const struct job *job, char *const *env, struct strvec *warnings, char **out, struct err *e);

/* Add the folder and DOCKER_CONFIG to the plan's build container, where its kind has the key and the job has
 * credentials. Adds no secret. */
int client_config_plan(const struct host *h, char *const *env, struct plan *plan, struct err *e);

bool client_config_is_planned(const struct plan *plan);

/* Write it into a build container that was started just now; does nothing where the plan added nothing. */
int client_config_write(const struct host *h, const struct invocation *in, struct engine *d, const char *container,
                        bool has_entrypoint, struct err *e);

#endif
