#include "base/process.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/number.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* close_range's CLOSE_RANGE_CLOEXEC, which older headers lack. */
#define AT_EXEC (1U << 2)

/* What the child tells through the pipe when it did not get as far as its program. */
enum step { AT_STREAMS, AT_FOLDER, AT_PROGRAM };
struct refusal {
    enum step step;
    int code; /* errno */
};

/* The child's ends, all close-on-exec: dup2 makes the copies that stay open. */
struct ends {
    int in, out, err;
    int refusal;
};

#define ENDS_INIT { -1, -1, -1, -1 }

static void ends_release(struct ends *x)
{
    cleanup_close(&x->in);
    cleanup_close(&x->out);
    cleanup_close(&x->err);
    cleanup_close(&x->refusal);
}

/* A pipe whose reading end is ours and does not block. */
static int pipe_open(int *ours, int *theirs, struct err *e)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) < 0)
        return err_set(e, ERR_SYSTEM, errno, "open a pipe: %s", strerror(errno));
    *ours = fds[0];
    *theirs = fds[1];
    if (fcntl(fds[0], F_SETFL, O_NONBLOCK) < 0)
        return err_set(e, ERR_SYSTEM, errno, "set up a pipe: %s", strerror(errno));
    return 0;
}

static int null_open(int *theirs, struct err *e)
{
    *theirs = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (*theirs < 0)
        return err_set(e, ERR_SYSTEM, errno, "open /dev/null: %s", strerror(errno));
    return 0;
}

/* A file in memory, not a pipe: nobody has to feed it, and one who does not read it harms nobody. */
static int input_open(const char *text, int *theirs, struct err *e)
{
    *theirs = memfd_create("stdin", MFD_CLOEXEC);
    if (*theirs < 0)
        return err_set(e, ERR_SYSTEM, errno, "make a file in memory: %s", strerror(errno));
    if (fd_write(*theirs, text, strlen(text), e) < 0)
        return err_wrap(e, "keep its input in memory");
    if (lseek(*theirs, 0, SEEK_SET) < 0)
        return err_set(e, ERR_SYSTEM, errno, "rewind a file in memory: %s", strerror(errno));
    return 0;
}

static int stdin_open(const struct process_spec *spec, int *theirs, struct err *e)
{
    if (spec->input)
        return input_open(spec->input, theirs, e);
    return spec->in == PROCESS_NULL ? null_open(theirs, e) : 0;
}

static int stream_open(enum process_stream kind, int *ours, int *theirs, struct err *e)
{
    switch (kind) {
    case PROCESS_PIPE: return pipe_open(ours, theirs, e);
    case PROCESS_NULL: return null_open(theirs, e);
    case PROCESS_INHERIT:
    case PROCESS_MERGE: break;
    }
    return 0;
}

/* --- in the child: between fork and exec only what is safe there, so no
 * allocation, no stdio and no error objects --- */

static __attribute__((noreturn)) void refuse(const struct ends *x, enum step step)
{
    struct refusal r = { step, errno };
    (void)!write(x->refusal, &r, sizeof(r));
    _exit(127);
}

static void reset_signals(void)
{
    sigset_t none;
    sigemptyset(&none);
    for (int s = 1; s < NSIG; s++)
        (void)signal(s, SIG_DFL); /* the C library refuses its own two, SIGKILL and SIGSTOP */
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* A parent that has gone before it was asked for sends none. */
static void end_with(pid_t parent)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(127);
}

static __attribute__((noreturn)) void child_run(const struct process_spec *spec, const struct ends *x, pid_t parent)
{
    reset_signals();
    if (spec->new_group)
        (void)setpgid(0, 0); /* a new child leads no session, so this cannot fail */
    if (spec->ends_with_us)
        end_with(parent);
    /* Libraries' too: libcurl's connection to the daemon is not closed by exec. Before Linux 5.11 it stays open there. */
    (void)syscall(SYS_close_range, STDERR_FILENO + 1U, ~0U, AT_EXEC);
    if (spec->keep_fd > STDERR_FILENO)
        (void)fcntl(spec->keep_fd, F_SETFD, 0);
    if ((x->in >= 0 && dup2(x->in, STDIN_FILENO) < 0) || (x->out >= 0 && dup2(x->out, STDOUT_FILENO) < 0) ||
        (x->err >= 0 && dup2(x->err, STDERR_FILENO) < 0) ||
        (spec->err == PROCESS_MERGE && dup2(STDOUT_FILENO, STDERR_FILENO) < 0))
        refuse(x, AT_STREAMS);
    if (spec->dir && chdir(spec->dir) < 0)
        refuse(x, AT_FOLDER);
    /* exec takes pointers to what it does not change, by an old promise. */
    char *const *argv = (char *const *)(uintptr_t)spec->argv;
    (void)execvpe(argv[0], argv, spec->env ? spec->env : environ);
    refuse(x, AT_PROGRAM);
}

/* --- in the parent --- */

static int refusal_error(const struct process_spec *spec, const struct refusal *r, struct err *e)
{
    const char *why = strerror(r->code);
    switch (r->step) {
    case AT_FOLDER:
        return err_set(e, ERR_SYSTEM, r->code, "start '%s' in '%s': %s", spec->argv[0], spec->dir, why);
    case AT_PROGRAM:
        return err_set(e, r->code == ENOENT ? ERR_NOT_FOUND : ERR_SYSTEM, r->code, "start '%s': %s",
                       spec->argv[0], why);
    case AT_STREAMS:
        break;
    }
    return err_set(e, ERR_SYSTEM, r->code, "start '%s': set up its streams: %s", spec->argv[0], why);
}

/* Wait until the child has become its program: the pipe closes then by itself. */
static int await_exec(const struct process_spec *spec, int fd, struct err *e)
{
    struct refusal r = { 0 };
    for (;;) {
        ssize_t n = read(fd, &r, sizeof(r));
        if (n == 0)
            return 0;
        if (n == (ssize_t)sizeof(r))
            return refusal_error(spec, &r, e);
        if (n < 0 && errno == EAGAIN) {
            struct pollfd wait = { .fd = fd, .events = POLLIN };
            (void)poll(&wait, 1, -1);
        } else if (n < 0 && errno != EINTR) {
            return err_set(e, ERR_SYSTEM, errno, "start '%s': %s", spec->argv[0], strerror(errno));
        }
    }
}

/* By the system call: older C libraries have no wrapper. */
static int watch(struct process *p, const char *name, struct err *e)
{
    p->pidfd = (int)syscall(SYS_pidfd_open, p->pid, 0);
    return p->pidfd < 0 ? err_set(e, ERR_SYSTEM, errno, "watch '%s': %s", name, strerror(errno)) : 0;
}

static int child_start(const struct process_spec *spec, struct ends *x, struct process *p, struct err *e)
{
    auto_close int refusal = -1;
    if (stdin_open(spec, &x->in, e) < 0 || stream_open(spec->out, &p->out, &x->out, e) < 0 ||
        stream_open(spec->err, &p->err, &x->err, e) < 0 || pipe_open(&refusal, &x->refusal, e) < 0)
        return err_wrap(e, "start '%s'", spec->argv[0]);

    const pid_t self = getpid();
    p->pid = fork();
    if (p->pid < 0) {
        p->pid = 0;
        return err_set(e, ERR_SYSTEM, errno, "start '%s': %s", spec->argv[0], strerror(errno));
    }
    if (p->pid == 0)
        child_run(spec, x, self);

    cleanup_close(&x->refusal);
    x->refusal = -1; /* our copy would keep the pipe open */
    if (await_exec(spec, refusal, e) < 0)
        return -1;
    return watch(p, spec->argv[0], e);
}

int process_start(const struct process_spec *spec, struct process *p, struct err *e)
{
    __attribute__((cleanup(ends_release))) struct ends x = ENDS_INIT;
    *p = (struct process)PROCESS_INIT;
    if (child_start(spec, &x, p, e) == 0)
        return 0;
    process_release(p);
    return -1;
}

/* --- a copy of ourselves --- */

enum { STOP_FD = STDERR_FILENO + 1 };

struct copy {
    process_fn *fn;
    void *ctx;
    const int *kept; /* in growing order, the last one -1 */
    int stop, out;   /* its ends; out -1: ours */
};

/* Older kernels have no close_range: what else is open stays open there, which holds a connection longer. */
static void close_others(const int *kept)
{
    unsigned from = STOP_FD + 1;

    for (; *kept >= 0; kept++) {
        unsigned fd = (unsigned)*kept;
        if (fd > from)
            (void)syscall(SYS_close_range, from, fd - 1, 0U);
        if (fd >= from)
            from = fd + 1;
    }
    (void)syscall(SYS_close_range, from, ~0U, 0U);
}

static __attribute__((noreturn)) void copy_run(const struct copy *c)
{
    if ((c->out >= 0 && dup2(c->out, STDOUT_FILENO) < 0) || dup2(c->stop, STOP_FD) < 0)
        _exit(127);
    close_others(c->kept);
    _exit(c->fn(c->ctx, STOP_FD));
}

static int copy_start(const struct copy *c, struct process *p, struct err *e)
{
    p->pid = fork();
    if (p->pid < 0) {
        p->pid = 0;
        return err_set(e, ERR_SYSTEM, errno, "fork: %s", strerror(errno));
    }
    if (p->pid == 0) {
        process_tell(p); /* else it would hold its own line open */
        cleanup_close(&p->out);
        copy_run(c);
    }
    return watch(p, "a copy of this process", e);
}

static int copy_begin(process_fn *fn, void *ctx, bool both_ways, struct process *p, struct err *e)
{
    static const int none = -1;
    int fds[2];

    *p = (struct process)PROCESS_INIT;
    if ((both_ways ? socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) : pipe2(fds, O_CLOEXEC)) < 0)
        return err_set(e, ERR_SYSTEM, errno, "open a line to a copy of this process: %s", strerror(errno));
    auto_close int theirs = fds[0];
    p->stop = fds[1];
    const struct copy copy = { fn, ctx, &none, theirs, -1 };
    if (copy_start(&copy, p, e) == 0)
        return 0;
    process_release(p);
    return -1;
}

int process_fork(process_fn *fn, void *ctx, struct process *p, struct err *e)
{
    return copy_begin(fn, ctx, false, p, e);
}

int process_fork_linked(process_fn *fn, void *ctx, struct process *p, struct err *e)
{
    return copy_begin(fn, ctx, true, p, e);
}

int process_fork_followed(process_fn *fn, void *ctx, const int *kept, struct process *p, struct err *e)
{
    int fds[2];

    *p = (struct process)PROCESS_INIT;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
        return err_set(e, ERR_SYSTEM, errno, "open a line to a copy of this process: %s", strerror(errno));
    auto_close int theirs = fds[0];
    auto_close int out = -1;
    p->stop = fds[1];
    if (fcntl(p->stop, F_SETFL, O_NONBLOCK) == 0 && pipe_open(&p->out, &out, e) == 0) {
        const struct copy copy = { fn, ctx, kept, theirs, out };
        if (copy_start(&copy, p, e) == 0)
            return 0;
    }
    process_release(p);
    return -1;
}

static __attribute__((noreturn)) void detached_run(process_fn *fn, void *ctx, int null, int keep_fd)
{
    reset_signals();
    (void)signal(SIGPIPE, SIG_IGN);
    (void)setsid();
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (dup2(null, fd) < 0)
            _exit(127);
    if (chdir("/") < 0 || (keep_fd >= 0 && dup2(keep_fd, STOP_FD) < 0))
        _exit(127);
    (void)syscall(SYS_close_range, (unsigned)STOP_FD + (keep_fd >= 0), ~0U, 0U);
    _exit(fn(ctx, keep_fd >= 0 ? STOP_FD : -1));
}

int process_detach(process_fn *fn, void *ctx, int keep_fd, struct err *e)
{
    auto_close int null = -1;
    if (null_open(&null, e) < 0) /* here, where somebody hears of it */
        return -1;
    pid_t pid = fork();
    if (pid < 0)
        return err_set(e, ERR_SYSTEM, errno, "fork: %s", strerror(errno));
    if (pid == 0)
        detached_run(fn, ctx, null, keep_fd);
    return 0;
}

void process_tell(struct process *p)
{
    cleanup_close(&p->stop);
    p->stop = -1;
}

void process_stop(struct process *p, int64_t timeout_ms)
{
    int status;
    process_tell(p);
    if (p->pid > 0)
        (void)process_wait(p, timeout_ms, &status, NULL);
    process_release(p);
}

static int reap(struct process *p, int *out_status, struct err *e)
{
    while (waitpid(p->pid, out_status, 0) < 0)
        if (errno != EINTR)
            return err_set(e, ERR_SYSTEM, errno, "wait for process %d: %s", (int)p->pid, strerror(errno));
    p->pid = 0;
    return 0;
}

int process_wait(struct process *p, int64_t timeout_ms, int *out_status, struct err *e)
{
    int64_t end = timeout_ms < 0 ? -1 : clock_ms() + timeout_ms;
    struct pollfd ended = { .fd = p->pidfd, .events = POLLIN };
    for (;;) {
        int64_t left = end < 0 ? -1 : end - clock_ms();
        if (end >= 0 && left < 0)
            left = 0;
        int n = poll(&ended, 1, (int)(left > INT_MAX ? INT_MAX : left));
        if (n > 0)
            return reap(p, out_status, e);
        if (n < 0 && errno != EINTR)
            return err_set(e, ERR_SYSTEM, errno, "wait for process %d: %s", (int)p->pid, strerror(errno));
        if (n == 0 && left == 0)
            return 1;
    }
}

void process_kill(const struct process *p, bool group, int signal)
{
    if (p->pid > 0) /* 0 and -0 would be ourselves */
        (void)kill(group ? -p->pid : p->pid, signal);
}

void process_release(struct process *p)
{
    if (!p)
        return;
    cleanup_close(&p->out);
    cleanup_close(&p->err);
    cleanup_close(&p->stop);
    if (p->pid > 0) {
        int status;
        process_kill(p, getpgid(p->pid) == p->pid, SIGKILL);
        (void)reap(p, &status, NULL);
    }
    cleanup_close(&p->pidfd);
    *p = (struct process)PROCESS_INIT;
}

int process_exit_code(int status)
{
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
