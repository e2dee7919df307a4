/* executor/job_script.h: a script of gitlab-runner's as an exec's stdin: the file, or what is left of it without the
 * job's secrets, then the shell's end. */
#ifndef EXECUTOR_JOB_SCRIPT_H
#define EXECUTOR_JOB_SCRIPT_H

#include "base/strbuf.h"
#include "stages/secret_variables.h"

#include <sys/types.h>

#define JOB_SCRIPT_MAX ((size_t)64 << 20)

struct job_script {
    int fd; /* -1: `clean` is all of it */
    const char *path;
    struct strbuf clean;
    size_t given; /* of clean */
    const char *rest;
};

#define JOB_SCRIPT_INIT { -1, NULL, STRBUF_INIT(JOB_SCRIPT_MAX), 0, NULL }

/* `path` is borrowed. Without secrets the file is only opened; with some they are taken out of it, as
 * stages/script_secrets.h says, or it fails as that does. */
int job_script_open(struct job_script *s, const struct secret_variables *secrets, const char *path, bool authors_own,
                    struct err *e);
/* An exec's input: `ctx` is the script. */
ssize_t job_script_read(void *ctx, char *buf, size_t size, struct err *e);
void job_script_release(struct job_script *s);

#define auto_job_script __attribute__((cleanup(job_script_release))) struct job_script

#endif
