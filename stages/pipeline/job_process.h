/* stages/pipeline/job_process.h: a job under way, in a copy of this process: so that several run side by side, each
 * step by step as if it were alone, and one that comes to grief takes no other with it.
 *
 * Its log comes through a pipe. A line goes both ways: signals to it, its end from it. When we are gone, it hears that,
 * ends the job and cleans up. */
#ifndef STAGES_PIPELINE_JOB_PROCESS_H
#define STAGES_PIPELINE_JOB_PROCESS_H

#include "base/process.h"
#include "stages/pipeline/job_message.h"

#include <poll.h>

struct job_process {
    struct process process;
    struct strbuf message; /* stages/pipeline/job_message.h */
    int64_t id;            /* CI_JOB_ID */
};

#define JOB_PROCESS_INIT { .process = PROCESS_INIT, .message = STRBUF_INIT(JOB_MESSAGE_MAX) }

/* `w->report` says how the log is to look. `locks`: descriptors that stay open as long as it lives: two at most, -1: none. */
int job_process_start(const struct job_world *w, const struct ci_job *job, int64_t id, const int locks[2],
                      struct job_process *out, struct err *e);
/* A signal that came to us. */
void job_process_tell(const struct job_process *p, int number);

/* What to wait for: three descriptors. */
enum { JOB_PROCESS_FDS = 3 };
void job_process_poll(const struct job_process *p, struct pollfd fds[JOB_PROCESS_FDS]);
/* After that: pass on what is there. Returns whether it has ended. */
bool job_process_follow(struct job_process *p, const struct pollfd fds[JOB_PROCESS_FDS],
                        void (*log)(void *ctx, const char *data, size_t len), void *ctx);
/* Reap it. One that ended without a word is a system's failure. */
void job_process_end(struct job_process *p, const struct ci_job *job, struct job_left *left, struct job_outcome *out);

#endif
