/* stages/deploy/cron/main.c: `atelier-cron`, the first process of a cron job's container.
 *
 *     atelier-cron SCHEDULE -- COMMAND [ARGUMENT…]     runs the command at its times, until TERM or INT
 *     atelier-cron --once [SCHEDULE -- COMMAND …]      runs it now; without more: what process 1 runs
 *     atelier-cron --check SCHEDULE                    says when it runs next
 *
 * The command's output is the container's own, with a line before and after each run. A run that is due while another
 * one is underway is left out, with a line. TERM and INT are handed on to the run that is underway, and its end is
 * waited for: whoever stops the container kills it after the container's grace. */
#include "base/number.h"
#include "stages/deploy/cron/job.h"
#include "stages/deploy/cron_schedule.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#define USAGE                                                                                                          \
    "usage: atelier-cron SCHEDULE -- COMMAND [ARGUMENT...]\n"                                                          \
    "       atelier-cron --once [SCHEDULE -- COMMAND [ARGUMENT...]]\n"                                                 \
    "       atelier-cron --check SCHEDULE\n"                                                                           \
    "\n"                                                                                                               \
    "SCHEDULE: minute hour day month weekday, or @hourly, @daily, @weekly, @monthly, @yearly, @reboot\n"

#define ZONES        "/usr/share/zoneinfo"
#define ARGV_MAX     ((size_t)1 << 20)
#define LONGEST_WAIT 60 /* s: a clock that was set is noticed then */

enum { EXIT_USAGE = 2, EXIT_BUSY = 75 };

/* Time until `at`, or less. */
static struct timespec wait_until(int64_t at)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (at < 0 || at - now.tv_sec > LONGEST_WAIT)
        return (struct timespec){ LONGEST_WAIT, 0 };
    int64_t ns = (at - now.tv_sec) * INT64_C(1000000000) - now.tv_nsec;
    if (ns < 0)
        ns = 0;
    return (struct timespec){ ns / 1000000000, ns % 1000000000 };
}

/* Every child that ended, also those that others left to process 1. The job's exit code, or -1 when it was not it. */
static int reap(struct job_run *r)
{
    int code = -1, status;

    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
        if (pid == r->pid)
            code = job_end(r, status);
    return code;
}

static void say_next(int64_t next)
{
    char when[64] = "never again";
    time_t t = (time_t)next;
    struct tm tm;

    if (next >= 0 && localtime_r(&t, &tm))
        (void)strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S%z", &tm);
    job_say("next", ": %s", when);
}

static void block_signals(sigset_t *set)
{
    (void)sigemptyset(set);
    (void)sigaddset(set, SIGCHLD);
    (void)sigaddset(set, SIGTERM);
    (void)sigaddset(set, SIGINT);
    (void)sigprocmask(SIG_BLOCK, set, NULL);
}

static int run_by_schedule(const struct cron_schedule *s, char *const *command)
{
    struct job_run job = JOB_RUN_INIT;
    sigset_t signals;
    bool stopping = false;
    int64_t from = time(NULL), next = cron_next(s, from);

    block_signals(&signals);
    if (s->reboot)
        (void)job_begin(&job, command);
    else
        say_next(next);
    while (!stopping || job.pid > 0) {
        const struct timespec wait = wait_until(stopping ? -1 : next);
        int signal = sigtimedwait(&signals, NULL, &wait);
        if (signal == SIGTERM || signal == SIGINT) {
            stopping = true;
            job_signal(&job, signal);
        }
        (void)reap(&job);
        int64_t now = time(NULL);
        bool due = next >= 0 && now >= next;
        if (due && !stopping)
            (void)job_begin(&job, command);
        if (due || now < from) /* or the clock was set back */
            from = now, next = cron_next(s, now);
    }
    job_say("stop", "%s", "");
    return 0;
}

static int run_once(char *const *command)
{
    struct job_run job = JOB_RUN_INIT;
    sigset_t signals;
    int code = -1;

    job.of_terminal = true;
    block_signals(&signals);
    if (job_begin(&job, command) < 0)
        return EXIT_BUSY;
    while (code < 0) {
        int signal = sigwaitinfo(&signals, NULL);
        if (signal == SIGTERM || signal == SIGINT)
            job_signal(&job, signal);
        code = reap(&job);
    }
    return code;
}

/* The words of process 1, in `text`. Ended by NULL; NULL when they cannot be read. */
static char **words_of_first(char *text)
{
    auto_close int fd = open("/proc/1/cmdline", O_RDONLY | O_CLOEXEC);
    size_t len = 0, n = 0;
    ssize_t got = 0;

    while (fd >= 0 && len < ARGV_MAX && (got = read(fd, text + len, ARGV_MAX - len)) > 0)
        len += (size_t)got;
    if (fd < 0 || got < 0)
        return NULL;
    text[len] = '\0';
    char **words = xcalloc(len + 1, sizeof(*words));
    for (char *word = text; word < text + len; word += strlen(word) + 1)
        words[n++] = word;
    return words;
}

static int misused(const char *why)
{
    (void)dprintf(STDERR_FILENO, "atelier-cron: %s\n\n%s", why, USAGE);
    return EXIT_USAGE;
}

/* TZ names a zone that the image does not have: the C library would go by UTC and say nothing. */
static void check_zone(void)
{
    const char *zone = getenv("TZ");

    if (!zone || !strchr(zone, '/') || strchr(zone, ','))
        return;
    zone += *zone == ':';
    auto_free char *path = *zone == '/' ? xstrdup(zone) : xasprintf(ZONES "/%s", zone);
    if (access(path, R_OK) < 0)
        job_say("warning", ": TZ=%s: this image has no %s (Debian: package tzdata), so times are UTC", zone, path);
}

/* SCHEDULE -- COMMAND …, behind the options. */
static int run_words(char *const *words, bool once)
{
    struct cron_schedule s;
    auto_err e = ERR_INIT;

    if (!words[0] || !words[1] || strcmp(words[1], "--") != 0 || !words[2])
        return misused("a schedule in one word, --, and a command are needed");
    if (cron_parse(words[0], &s, &e) < 0)
        return misused(err_text(&e));
    return once ? run_once(words + 2) : run_by_schedule(&s, words + 2);
}

static int check(const char *schedule)
{
    struct cron_schedule s;
    auto_err e = ERR_INIT;

    if (cron_parse(schedule, &s, &e) < 0) {
        (void)dprintf(STDERR_FILENO, "atelier-cron: %s\n", err_text(&e));
        return EXIT_USAGE;
    }
    if (s.reboot)
        job_say("next", ": at each start of its container");
    else
        say_next(cron_next(&s, time(NULL)));
    return 0;
}

int main(int argc, char **argv)
{
    const char *option = argc > 1 ? argv[1] : "";

    tzset();
    if (strcmp(option, "--help") == 0)
        return dprintf(STDOUT_FILENO, "%s", USAGE) < 0;
    if (strcmp(option, "--check") == 0)
        return argc == 3 ? check(argv[2]) : misused("--check takes a schedule in one word");
    if (strcmp(option, "--once") != 0) {
        check_zone();
        return run_words(argv + (argc > 0), false);
    }
    if (argc > 2)
        return run_words(argv + 2, true);
    auto_free char *text = xmalloc(ARGV_MAX + 1);
    auto_free char **words = words_of_first(text);
    if (!words || !words[0])
        return misused("process 1 cannot be asked for its command: give --once a schedule, --, and the command");
    return run_words(words + 1, true);
}
