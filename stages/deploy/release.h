/* stages/deploy/release.h: the releases of a project in an environment, kept on the target.
 *
 * A record is an empty volume whose labels hold it, so it outlives containers and needs no file on any host. Made by
 * one request, it is there whole or not at all: a good release's record is what makes it the one that counts. */
#ifndef STAGES_DEPLOY_RELEASE_H
#define STAGES_DEPLOY_RELEASE_H

#include "base/json.h"
#include "engine/engine.h"

struct release {
    int number;
    char *commit, *ref, *who, *job_url;
    int64_t when;      /* seconds since the epoch */
    char *result;      /* "deployed", "rolled back to 3", "failed: …" */
    json_t *services;  /* name -> {image, digest, hash, container}; container "" for what has none */
    char *file;        /* the compose file's name */
    char *compose;     /* its text, with its variables' names and not their values */
    json_t *variables; /* name -> value of the public ones that it used */
    json_t *secrets;   /* the names of the others */
    json_t *images;    /* ids of those that deploys brought (stages/deploy/superseded.h) */
};

struct releases {
    struct release *items; /* by number, the newest last */
    size_t n;
};

/* The number of the release whose text and images this one has: its own, or the one that it went back to. */
int release_base(const struct release *r);

int releases_read(struct engine *d, const char *unit, struct releases *out, struct err *e);
/* The same from the daemon's list of volumes. What is no record of ours is passed over. */
void releases_parse(const json_t *volumes, struct releases *out);
/* The one that serves: the last good one; NULL: there is none. */
const struct release *releases_live(const struct releases *all);
/* Where a rollback goes: `number`, or with 0 the one before. ERR_JOB when there is none, or it failed. */
const struct release *releases_back(const struct releases *all, int number, struct err *e);
/* The number of the next one. */
int releases_next(const struct releases *all);
/* The numbers of those older than the last `keep` good ones; none when it is negative. */
void releases_old(const struct releases *all, int keep, struct strvec *numbers);

/* Write the record. ERR_CONFLICT when there is a volume of that name that is not this record. */
int release_write(struct engine *d, const char *unit, const struct release *r, struct err *e);
/* The record's volume; the caller's. */
char *release_volume(const char *unit, int number);
/* As JSON, a new reference. */
json_t *release_json(const struct release *r);

void release_release(struct release *r);
void releases_release(struct releases *all);

#define auto_release  __attribute__((cleanup(release_release))) struct release
#define auto_releases __attribute__((cleanup(releases_release))) struct releases

#endif
