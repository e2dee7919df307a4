/* stages/deploy/cron/job.h: one run of a cron job's command, never beside another one in the same container.
 *
 * What keeps them apart is an abstract socket's name: it is of the container's network, needs no file system, and is
 * free again when its holder dies. */
#ifndef STAGES_DEPLOY_CRON_JOB_H
#define STAGES_DEPLOY_CRON_JOB_H

#include "base/memory.h"

#include <stdbool.h>
#include <sys/types.h>

struct job_run {
    pid_t pid;        /* 0: nothing runs */
    int lock;         /* -1: none */
    bool of_terminal; /* somebody waits for it: it keeps their terminal and is no process group of its own */
    struct timespec began;
};

#define JOB_RUN_INIT { .pid = 0, .lock = -1 }

/* One line on stdout, which is the container's log: "atelier-cron: WORD 2026-11-22T06:00:00+0000MORE". */
void job_say(const char *word, const char *more, ...) PRINTF_LIKE(2, 3);

/* Start the command; says so. -1 when another run is underway, or when there can be no process: says that. */
int job_begin(struct job_run *r, char *const *command);
/* It ended, by waitpid()'s status: says how and after how long, and returns the exit code (128 + signal). */
int job_end(struct job_run *r, int status);
/* Hand a signal on to it, and to what it started. */
void job_signal(const struct job_run *r, int signal);

#endif
