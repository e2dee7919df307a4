/* stages/service.h: a job's services: what they are called, what they get, and what they are asked for.
 *
 * Each is one more container on the job's own network. It gets the variables that
 * are no secret and those that the job wrote for it alone, the limits of the job's
 * kind, the folder that the job is built in and the owner's mounts; privileges when
 * the owner gives them to its image; never the daemon's socket.
 *
 * The mounts, because a job's author chooses the image of a service as well as that
 * of the job: to keep them out of services would protect nothing, and the volumes
 * among them are how the two hand each other files, such as docker:dind's keys. */
#ifndef STAGES_SERVICE_H
#define STAGES_SERVICE_H

#include "stages/plan.h"

/* Add the job's services to its plan. `env` is the hook's, where the values of the
 * job's variables are. A name that another service has already is left out with a
 * warning; a service without any name of its own is not started at all (contract
 * 5.5), nor one whose image is empty: `name: $MAYBE` is how a job has a service now
 * and then. ERR_JOB when a service's image cannot be one or is not allowed, or there
 * is no network to be found on: jobs on the host's network, on a shared one or on none have none. */
int service_plan(const struct job *job, char *const *env, const struct kinds *kinds,
                 const struct host_settings *host, struct plan *plan, struct err *e);

/* Docker asks an image's HEALTHCHECK for the first time after its interval, half a
 * minute unless the image says otherwise. A job waits for the answer: each second,
 * then. `image` is the daemon's description of it. */
void service_add_image(struct plan_container *c, const json_t *image);

/* The TCP ports that a service must answer on, by the daemon's description of its
 * container: HEALTHCHECK_TCP_PORT of its environment (one or several, by blank or
 * comma; the docker executor's word for it), otherwise those that are exposed, at
 * most 20. */
void service_ports(const json_t *container, struct strvec *out);

/* Whether one that does not answer need not, since one of those that do stands for it. */
bool service_port_is_spared(const char *port, const struct strvec *answering);

/* "service 'postgres:16' (db)", for messages; the caller's. */
char *service_shown(const struct plan_container *c);

#endif
