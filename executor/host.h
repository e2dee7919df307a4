/* executor/host.h: what every hook begins with: the job, its place, the configuration, the daemon. */
#ifndef EXECUTOR_HOST_H
#define EXECUTOR_HOST_H

#include "engine/engine.h"
#include "executor/command.h"
#include "executor/config.h"
#include "stages/job.h"
#include "stages/place.h"
#include "stages/secret_variables.h"

struct host {
    struct config config;
    struct job job;
    struct place place;
    char *name; /* the job's own key: another one than place.key when it has a standby's containers (executor/standby.h) */
    struct secret_variables secrets; /* what no container of the job may have; none with `script_secrets: keep` */
};

/* Read the job and the configuration. The job's response counts before the
 * environment, where a job's own variables can replace the runner's: a job must
 * not be able to say that it is another one. */
int host_init(const struct invocation *in, struct host *out, struct err *e);
void host_release(struct host *h);

/* Whether the job has containers that were made before it was known. */
bool host_has_standby(const struct host *h);

/* Connect to the daemon that the configuration and the environment name. */
int host_connect(const struct host *h, const struct invocation *in, struct engine **out, struct err *e);
/* The same for a process that asks no other daemon or server until its end: lighter, where that needs no TLS. */
int host_connect_alone(const struct host *h, const struct invocation *in, struct engine **out, struct err *e);

/* Whether the daemon sees the folders and programs of this host; another machine's has neither. */
bool host_is_shared(const struct host *h, const struct invocation *in);

/* ERR_CANCELLED when a signal has come. */
int host_check_interrupt(const struct invocation *in, struct err *e);
/* A watch that ends a call with that when a signal comes. Borrows `in`. */
struct engine_watch host_watch(const struct invocation *in);

#define auto_host __attribute__((cleanup(host_release))) struct host

#endif
