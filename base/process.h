/* base/process.h: starting, watching and ending child processes: the only place that does. */
#ifndef BASE_PROCESS_H
#define BASE_PROCESS_H

#include "base/err.h"
#include "base/strbuf.h"
#include "base/strvec.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct process {
    pid_t pid; /* 0 before the start and after the reaping */
    int pidfd; /* readable when the process has ended; -1 when there is none */
    int out;   /* our end of its stdout with PROCESS_PIPE, else -1 */
    int err;   /* our end of its stderr with PROCESS_PIPE, else -1 */
    int stop;  /* what a copy of this process (process_fork) waits for the end of, else -1; closed by process_tell */
};

#define PROCESS_INIT { 0, -1, -1, -1, -1 }

enum process_stream {
    PROCESS_INHERIT, /* ours */
    PROCESS_NULL,    /* /dev/null */
    PROCESS_PIPE,    /* a pipe, whose other end is in struct process (non-blocking) */
    PROCESS_MERGE,   /* stderr only: the same as its stdout */
};

struct process_spec {
    const char *const *argv; /* NULL-terminated; argv[0] is looked up in PATH unless it has a slash */
    char *const *env;        /* NULL: ours */
    const char *dir;         /* NULL: ours */
    bool new_group;          /* its own process group, as gitlab-runner starts hooks */
    bool ends_with_us;       /* it gets SIGTERM when we are gone, however we ended */
    const char *input;       /* all that its stdin reads; NULL: as `in` says */
    enum process_stream in;  /* INHERIT or NULL */
    enum process_stream out;
    enum process_stream err;
    int keep_fd;             /* a descriptor of ours that it has, too, by the same number; 0: none */
};

/* Start it. Signals are reset to their defaults in the child, which has our standard streams or what is said of them,
 * keep_fd, and no other descriptor. A program that cannot be executed is an error here (ERR_NOT_FOUND or ERR_SYSTEM), not
 * an exit 127. */
int process_start(const struct process_spec *spec, struct process *p, struct err *e);
/* What a copy of this process does in place of it; the result is its exit status. `stop_fd` hangs up when
 * it shall end: its parent wants that, or is gone. */
typedef int process_fn(void *ctx, int stop_fd);
/* Start a copy of this process that does nothing but `fn`, beside us. It has our standard streams and our
 * memory as it is now, and no other descriptor: what holds one (an engine, an interrupt_fd) is not for it.
 * SIGTERM, SIGINT and SIGHUP are as they are with us: when they are blocked (base/interrupt.h), a signal
 * to the group is ours to hear, and we tell it to end. */
int process_fork(process_fn *fn, void *ctx, struct process *p, struct err *e);
/* The same, but p->stop and its `stop_fd` are the two ends of a stream socket, by which the two can talk. */
int process_fork_linked(process_fn *fn, void *ctx, struct process *p, struct err *e);
/* The same, for one whose work is followed: its stdout is a pipe to p->out, and p->stop goes both ways, so that it
 * reads from `stop_fd` what we write there, and we what it writes (neither end of ours blocks). `kept`: descriptors
 * that stay open in it, such as locks, in growing order, the last one -1. */
int process_fork_followed(process_fn *fn, void *ctx, const int *kept, struct process *p, struct err *e);
/* Start a copy of this process that does nothing but `fn`, and outlives us: in a session of its own, with /dev/null for
 * its standard streams, default signals, and of all other descriptors only `keep_fd` (-1: none), which `fn`
 * gets. Nobody waits for it. */
int process_detach(process_fn *fn, void *ctx, int keep_fd, struct err *e);
/* Tell such a copy to end, without waiting for it. */
void process_tell(struct process *p);
/* Tell such a copy to end, and wait; one that does not end in time is killed. */
void process_stop(struct process *p, int64_t timeout_ms);
/* Reap. `timeout_ms` < 0 waits for ever. *out_status is as waitpid gives it.
 * 0 when it has ended, 1 when the time ran out. */
int process_wait(struct process *p, int64_t timeout_ms, int *out_status, struct err *e);
/* Signal the process, or its whole group when it was started with one. */
void process_kill(const struct process *p, bool group, int signal);
/* Close our ends, kill and reap one that still runs. NULL and half-started are fine. */
void process_release(struct process *p);

/* When to stop waiting for a program that does not end. */
struct process_limits {
    int64_t timeout_ms; /* < 0: none */
    int stop_fd;        /* readable: ERR_CANCELLED (it is left unread); -1: none */
};

/* Run to the end and collect stdout (at most out->max) into `out`, whatever spec->out says.
 * A non-zero exit is an error with that code; with spec->err a PROCESS_PIPE, it carries the
 * first line of stderr. One that is not waited for any longer is killed. */
int process_collect(const struct process_spec *spec, const struct process_limits *limits, struct strbuf *out,
                    struct err *e);
/* The same for a program that asks nothing and takes as long as it takes: stdin is /dev/null. */
int process_capture(const char *const *argv, const char *dir, char *const *env, struct strbuf *out,
                    struct err *e);

/* 0..255, or 128 + signal. */
int process_exit_code(int status);

#define auto_process __attribute__((cleanup(process_release))) struct process

#endif
