#include "stages/pipeline/job_process.h"

#include "base/file.h"

#include <errno.h>
#include <string.h>

/* What a hook's end may still have in a pipe, and more. */
#define DRAIN_TIMES 256

/* ---- There ---- */

struct task {
    const struct job_world *world;
    const struct ci_job *job;
    int64_t id;
};

static int take_through(void *ctx, int line)
{
    const struct task *task = ctx;
    struct cancel cancel = { .fd = line, .is_line = true };
    struct hook_driver driver = *task->world->driver;
    struct report report = { STDOUT_FILENO, task->world->report->colour, task->world->report->beside, false, false, 0, "", 0 };
    struct job_world world = *task->world;
    struct job_outcome outcome = { .code = -1 };
    struct job_left left = { .job = task->job };
    auto_strbuf message = STRBUF_INIT(JOB_MESSAGE_MAX);

    driver.cancel = &cancel;
    world.driver = &driver;
    world.report = &report;
    job_run(&world, task->job, task->id, &left, &outcome);
    report_output_end(&report);
    job_message_write(&outcome, &left, &message);
    free(outcome.reason);
    job_left_release(&left);
    return fd_write(line, message.data, message.len, NULL) < 0 ? 1 : 0;
}

/* ---- Here ---- */

int job_process_start(const struct job_world *w, const struct ci_job *job, int64_t id, const int locks[2],
                      struct job_process *out, struct err *e)
{
    struct task task = { w, job, id };
    const int kept[] = { locks[0] < locks[1] ? locks[0] : locks[1], locks[0] < locks[1] ? locks[1] : locks[0], -1 };

    *out = (struct job_process)JOB_PROCESS_INIT;
    out->id = id;
    return process_fork_followed(take_through, &task, kept[0] < 0 ? kept + 1 : kept, &out->process, e);
}

void job_process_tell(const struct job_process *p, int number)
{
    const char byte = (char)number;

    (void)!write(p->process.stop, &byte, 1); /* it may have ended */
}

void job_process_poll(const struct job_process *p, struct pollfd fds[JOB_PROCESS_FDS])
{
    fds[0] = (struct pollfd){ .fd = p->process.pidfd, .events = POLLIN };
    fds[1] = (struct pollfd){ .fd = p->process.out, .events = POLLIN };
    fds[2] = (struct pollfd){ .fd = p->process.stop, .events = POLLIN };
}

/* Returns whether there may be more. */
static bool read_log(struct job_process *p, void (*log)(void *ctx, const char *data, size_t len), void *ctx)
{
    char buf[16384];
    ssize_t n = p->process.out < 0 ? -1 : read(p->process.out, buf, sizeof(buf));

    if (n > 0)
        log(ctx, buf, (size_t)n);
    if (n == 0) {
        (void)close(p->process.out);
        p->process.out = -1;
    }
    return n > 0 || (n < 0 && errno == EINTR);
}

static bool read_message(struct job_process *p)
{
    char buf[16384];
    ssize_t n = p->process.stop < 0 ? -1 : read(p->process.stop, buf, sizeof(buf));

    if (n > 0 && strbuf_add(&p->message, buf, (size_t)n) < 0)
        n = 0; /* then it is cut, and no message */
    if (n == 0 || (n < 0 && errno == ECONNRESET))
        process_tell(&p->process);
    return n > 0;
}

bool job_process_follow(struct job_process *p, const struct pollfd fds[JOB_PROCESS_FDS],
                        void (*log)(void *ctx, const char *data, size_t len), void *ctx)
{
    bool ended = fds[0].revents != 0; /* what it wrote is all there now */
    int times = ended ? DRAIN_TIMES : 1;

    for (int i = 0; i < times && read_log(p, log, ctx); i++)
        ;
    for (int i = 0; i < DRAIN_TIMES && read_message(p); i++)
        ;
    return ended;
}

void job_process_end(struct job_process *p, const struct ci_job *job, struct job_left *left, struct job_outcome *out)
{
    auto_err e = ERR_INIT;
    int status = 0;

    *left = (struct job_left){ .job = job, .id = p->id };
    *out = (struct job_outcome){ .state = JOB_FAILED, .failure = "runner_system_failure", .code = -1 };
    if (process_wait(&p->process, -1, &status, &e) < 0)
        out->reason = xasprintf("system failure: %s", err_text(&e));
    else if (job_message_read(&p->message, out, left) < 0)
        out->reason = xasprintf("system failure: the process of this job ended with %d; `atelier gc` removes what it left",
                                process_exit_code(status));
    process_release(&p->process);
    strbuf_release(&p->message);
}
