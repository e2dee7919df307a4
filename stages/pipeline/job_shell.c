#include "stages/pipeline/job_shell.h"

#include "base/process.h"

#include <inttypes.h>
#include <poll.h>
#include <signal.h>

/* What we show goes by way of other processes, so the terminal is asked for by its name. */
static const char at_terminal[] = "exec \"$@\" </dev/tty >/dev/tty 2>&1";

/* In the container: variables, folder, and the best shell that is there. */
static const char visitor[] =
    ". \"$1\"; rm -f \"$1\"; cd \"$CI_PROJECT_DIR\" 2>/dev/null\n"
    "if command -v bash >/dev/null; then exec bash -i; fi\n"
    "exec sh -i\n";

static void push_command(const struct job_run *j, const char *env, struct strvec *argv)
{
    const struct hook_driver *driver = j->world->driver;
    const char *const wrapped[] = { "sh", "-c", at_terminal, "sh", driver->program };
    const char *const inside[] = { "--", "sh", "-c", visitor, "sh", env };

    for (size_t i = 0; i < ARRAY_SIZE(wrapped); i++)
        strvec_push(argv, wrapped[i]);
    if (driver->config) {
        strvec_push(argv, "--config");
        strvec_push(argv, driver->config);
    }
    strvec_push(argv, "shell");
    strvec_pushf(argv, "%s-%" PRId64, predefined_runner_token, j->id);
    for (size_t i = 0; i < ARRAY_SIZE(inside); i++)
        strvec_push(argv, inside[i]);
}

/* 0 when it has ended. */
static int wait_for(struct process *p, struct cancel *cancel, struct err *e)
{
    struct pollfd fds[] = { { .fd = p->pidfd, .events = POLLIN }, { .fd = cancel->fd, .events = POLLIN } };
    int status;

    while (!fds[0].revents && !cancel_check(cancel))
        (void)poll(fds, ARRAY_SIZE(fds), -1);
    if (!fds[0].revents)
        process_kill(p, false, SIGTERM); /* it puts the terminal back */
    return process_wait(p, -1, &status, e);
}

int job_shell(struct job_run *j, const char *env, struct err *e)
{
    auto_strvec argv = STRVEC_INIT;
    auto_process p = PROCESS_INIT;

    push_command(j, env, &argv);
    const struct process_spec spec = {
        .argv = (const char *const *)strvec_list(&argv), .env = j->world->driver->env,
        .in = PROCESS_INHERIT, .out = PROCESS_INHERIT, .err = PROCESS_INHERIT,
    };
    if (process_start(&spec, &p, e) < 0)
        return -1;
    return wait_for(&p, j->world->driver->cancel, e);
}
