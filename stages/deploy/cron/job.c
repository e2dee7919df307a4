#include "stages/deploy/cron/job.h"

#include "base/number.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#define NOT_FOUND 127 /* as a shell has them */
#define NOT_RUN   126

void job_say(const char *word, const char *more, ...)
{
    char when[64] = "";
    time_t now = time(NULL);
    struct tm tm;
    va_list ap;

    if (localtime_r(&now, &tm))
        (void)strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S%z", &tm);
    va_start(ap, more);
    auto_free char *text = xvasprintf(more, ap);
    va_end(ap);
    /* A single write: lines of the command come between ours, never within one. */
    (void)dprintf(STDOUT_FILENO, "atelier-cron: %s %s%s\n", word, when, text);
}

/* -1 when somebody else has it. Where no socket can be had, nothing keeps runs of other processes apart. */
static int lock_take(int *lock)
{
    static const char name[] = "\0atelier-cron";
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    socklen_t len = offsetof(struct sockaddr_un, sun_path) + sizeof(name) - 1;
    auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    memcpy(address.sun_path, name, sizeof(name) - 1);
    if (fd >= 0 && bind(fd, (const struct sockaddr *)&address, len) < 0 && errno == EADDRINUSE)
        return -1;
    *lock = take_fd(&fd);
    return 0;
}

static void lock_drop(int *lock)
{
    cleanup_close(lock);
    *lock = -1;
}

static void run_command(const struct job_run *r, char *const *command)
{
    sigset_t none;

    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    if (!r->of_terminal)
        (void)setpgid(0, 0);
    (void)execvp(command[0], command);
    int why = errno;
    job_say("error", ": %s: %s", command[0], strerror(why));
    _exit(why == ENOENT ? NOT_FOUND : NOT_RUN);
}

int job_begin(struct job_run *r, char *const *command)
{
    if (r->pid > 0 || lock_take(&r->lock) < 0) {
        job_say("skip", ": the run before is still underway");
        return -1;
    }
    job_say("begin", "%s", "");
    (void)clock_gettime(CLOCK_MONOTONIC, &r->began);
    pid_t pid = fork();
    if (pid == 0)
        run_command(r, command);
    if (pid < 0) {
        job_say("error", ": no process for the command: %s", strerror(errno));
        lock_drop(&r->lock);
        return -1;
    }
    if (!r->of_terminal)
        (void)setpgid(pid, pid); /* whoever of both comes first */
    r->pid = pid;
    return 0;
}

int job_end(struct job_run *r, int status)
{
    struct timespec now;
    char took[32];

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t ms = (now.tv_sec - r->began.tv_sec) * INT64_C(1000) + (now.tv_nsec - r->began.tv_nsec) / 1000000;
    (void)duration_format(ms, took, sizeof(took));
    if (WIFSIGNALED(status))
        job_say("end", ": signal %d after %s", WTERMSIG(status), took);
    else
        job_say("end", ": exit code %d after %s", WEXITSTATUS(status), took);
    r->pid = 0;
    lock_drop(&r->lock);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

void job_signal(const struct job_run *r, int signal)
{
    if (r->pid > 0)
        (void)kill(r->of_terminal ? r->pid : -r->pid, signal);
}
