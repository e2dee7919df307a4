/* stages/place.h: a job's names: how later hooks find what earlier ones made, and where its files lie.
 *
 * All of it follows from what every hook gets in its environment, so that nothing
 * has to be written down between hooks. */
#ifndef STAGES_PLACE_H
#define STAGES_PLACE_H

#include "stages/job.h"

#include <jansson.h>

#define LABEL_MANAGED    "atelier.managed"    /* this program's version: everything we make bears it */
#define LABEL_JOB        "atelier.job"        /* the job's key */
#define LABEL_PROJECT    "atelier.project"    /* group/project */
#define LABEL_RUNNER     "atelier.runner"     /* the runner's short token */
#define LABEL_ROLE       "atelier.role"       /* build, helper, service, network, volume, builds, cache, kept */
#define LABEL_EXPIRES    "atelier.expires"    /* seconds since the epoch, when nobody can need it any more */
#define LABEL_ENTRYPOINT "atelier.entrypoint" /* build container: the image's ENTRYPOINT, a JSON array */
#define LABEL_SERVICE    "atelier.service"    /* service container: the first of its names on the job's network */
#define LABEL_ALIASES    "atelier.aliases"    /* service container: all of them, with - between */

struct place {
    char *key;        /* "<runner>-<job id>": unique on a host, fit for names */
    char *builds_dir; /* private to the runner, project and slot; the same inside and outside of containers */
    char *cache_dir;
    char *builds_volume; /* the names of the volumes that are mounted there instead, where folders are out of reach */
    char *cache_volume;
    char *hostname;   /* of its containers */
};

/* `builds` and `cache` are the host's root folders for them. */
void place_of(const struct job *job, const char *builds, const char *cache, struct place *out);
void place_release(struct place *p);

/* "atelier-<key>-<role>"; the network's has no role. The caller's. */
char *place_name(const struct place *p, const char *role);
/* What the runner calls the place where it runs the job, among those where it runs others at the same time; fit for a
 * file's name, and no key. The caller's. */
char *place_slot(const struct job *job);
/* A key for containers that are made before the job that will have them is known (executor/standby.h), another one each
 * time: "<runner>-standby-<number of the slot>-<when>". The caller's. */
char *place_standby_key(const struct job *job);
/* The labels of a thing of this job, a new object. `expires` is absolute. */
json_t *place_labels(const struct job *job, const struct place *p, const char *role, int64_t expires);
/* The labels of a volume that outlives its jobs, a new object: neither cleanup nor a garbage collector takes it. */
json_t *place_lasting_labels(const struct job *job, const char *role);
/* The labels of a network that several jobs have, one after the other, a new object. */
json_t *place_network_labels(void);
/* "atelier.job=<key>", to find all of it by. */
void place_filter(const struct place *p, struct strvec *out);

#define auto_place __attribute__((cleanup(place_release))) struct place

#endif
