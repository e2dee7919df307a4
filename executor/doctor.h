/* executor/doctor.h: `atelier doctor`: what is good and bad about a host, and what to type. */
#ifndef EXECUTOR_DOCTOR_H
#define EXECUTOR_DOCTOR_H

#include "engine/engine.h"
#include "executor/command.h"
#include "executor/config.h"

enum verdict { VERDICT_OK, VERDICT_SKIPPED, VERDICT_WARNING, VERDICT_PROBLEM, VERDICTS };

/* What the checks share. What an earlier one could not get is NULL, and those that
 * need it say that they were skipped. */
struct doctor {
    const struct invocation *in;
    struct config config; /* the defaults when the file is wrong */
    struct engine *engine;
    json_t *info;         /* GET /info */
    bool colour;
    const char *topic;    /* of the check that runs */
    unsigned counts[VERDICTS];
    struct strbuf out;
};

/* One finding: one line of `text` (of our own making, or made visible), and the command that helps; NULL: none. */
void doctor_say(struct doctor *d, enum verdict verdict, const char *fix, const char *fmt, ...) PRINTF_LIKE(4, 5);

/* A check says what it finds, at least one thing. */
typedef void check_fn(struct doctor *d);

/* doctor_docker.c: what the daemon tells. */
check_fn doctor_daemon, doctor_storage, doctor_limits, doctor_images, doctor_leftovers;
/* doctor_host.c: what the host's files tell. */
check_fn doctor_config, doctor_folders, doctor_disk, doctor_runner;
/* doctor_cache.c: what its caches tell. */
check_fn doctor_cache;
/* doctor_standby.c: what waits for jobs. */
check_fn doctor_standby;

#endif
