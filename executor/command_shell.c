/* executor/command_shell.c: `atelier shell`: a person's shell, or one command, in a container of a job. */
#include "base/file.h"
#include "base/interrupt.h"
#include "base/number.h"
#include "base/terminal.h"
#include "base/text.h"
#include "engine/container.h"
#include "engine/exec.h"
#include "executor/command.h"
#include "executor/config.h"
#include "executor/job_list.h"
#include "executor/kept.h"
#include "executor/table.h"
#include "stages/shell.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Daemons before 23.0 give a terminal its size only when its process runs, which
 * nobody tells: so it is tried until it works. */
#define RESIZE_MS    20
#define RESIZE_TRIES 50

struct session {
    const struct invocation *in;
    struct engine *engine, *second; /* the second one asks while the first carries the stream */
    char *exec;                     /* the process's id */
    bool tty;
    bool begun;    /* the process was asked for */
    int resizes;   /* how often to try still; 0: its terminal has the size of ours */
    int signal;    /* what ended us, 0 for nothing */
};

static void session_release(struct session *s)
{
    engine_close(s->engine);
    engine_close(s->second);
    free(s->exec);
}

/* --- the list --- */

static char *state_of(const struct listed_job *job)
{
    if (job->kept_until >= 0) {
        auto_free char *date = kept_date(job->kept_until);
        return xasprintf("kept until %s", date);
    }
    if (job->waits)
        return xstrdup("standby");
    return text_quote(job->build ? json_text(job->build, "State") : "preparing");
}

static void add_row(const struct listed_job *job, int64_t now, struct strvec *cells)
{
    char age[32] = "-";
    int64_t created = json_number(job->build, "Created", -1);

    if (created >= 0 && created <= now)
        (void)duration_format((now - created) * 1000, age, sizeof(age));
    strvec_give(cells, text_quote(job->name));
    strvec_give(cells, text_quote(*job->project ? job->project : "-"));
    strvec_give(cells, state_of(job));
    strvec_push(cells, age);
    strvec_give(cells, text_quote(job->build ? json_text(job->build, "Image") : "-"));
}

static int print_list(const struct job_list *list, struct err *e)
{
    static const char *const heads[] = { "JOB", "PROJECT", "STATE", "AGE", "IMAGE" };
    auto_strvec cells = STRVEC_INIT;
    auto_strbuf out = STRBUF_TEXT;

    for (size_t i = 0; i < ARRAY_SIZE(heads); i++)
        strvec_push(&cells, heads[i]);
    for (size_t i = 0; i < list->n; i++)
        add_row(&list->jobs[i], (int64_t)time(NULL), &cells);
    table_write(&cells, ARRAY_SIZE(heads), &out);
    return fd_write(STDOUT_FILENO, strbuf_text(&out), out.len, e);
}

/* --- the session --- */

static ssize_t typed(void *ctx, char *buf, size_t size, struct err *e)
{
    struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
    (void)ctx;

    if (poll(&input, 1, 0) == 0)
        return http_later(STDIN_FILENO);
    ssize_t n = read(STDIN_FILENO, buf, size);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return http_later(STDIN_FILENO);
    if (n < 0 && errno == EIO) /* the terminal is gone */
        return 0;
    return n < 0 ? err_set(e, ERR_SYSTEM, errno, "read what is typed: %s", strerror(errno)) : n;
}

static int show(void *ctx, enum stream_kind kind, const char *data, size_t len, struct err *e)
{
    (void)ctx;
    return fd_write(kind == STREAM_STDERR ? STDERR_FILENO : STDOUT_FILENO, data, len, e);
}

static void resize(struct session *s)
{
    struct exec_size size;
    auto_err ignored = ERR_INIT; /* it may not run yet, or not any more */

    s->resizes--;
    if (terminal_size(STDOUT_FILENO, &size.rows, &size.columns) < 0 ||
        exec_resize(s->second, s->exec, &size, &ignored) == 0)
        s->resizes = 0;
}

static int tick(void *ctx, int64_t *next_ms, struct err *e)
{
    struct session *s = ctx;

    for (int number; (number = interrupt_take(s->in->interrupt_fd)) != 0;) {
        if (number != SIGWINCH) {
            s->signal = number;
            return err_set(e, ERR_CANCELLED, number, "ended by a signal (%s)", strsignal(number));
        }
        s->resizes = RESIZE_TRIES;
    }
    if (s->resizes > 0 && s->begun)
        resize(s);
    s->begun = true;
    *next_ms = s->resizes > 0 ? RESIZE_MS : -1;
    return 0;
}

static int use_terminal(struct session *s, struct terminal *t, struct exec_size *size, struct err *e)
{
    s->tty = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
    if (!s->tty)
        return 0;
    if (terminal_size(STDOUT_FILENO, &size->rows, &size->columns) == 0)
        s->resizes = RESIZE_TRIES;
    if (engine_again(s->engine, &s->second, e) < 0 || interrupt_add(s->in->interrupt_fd, SIGWINCH, e) < 0 ||
        interrupt_add(s->in->interrupt_fd, SIGQUIT, e) < 0)
        return -1;
    return terminal_raw(STDIN_FILENO, t, e);
}

/* Returns the exit code of what ran. */
static int run_session(struct session *s, const char *container, const struct strvec *argv, struct err *e)
{
    auto_terminal terminal = TERMINAL_INIT;
    const struct engine_watch watch = { tick, s, s->in->interrupt_fd };
    struct exec_spec spec = { .argv = argv, .input = typed, .sink = show, .watch = &watch, .id = &s->exec };
    int code = 0;

    if (use_terminal(s, &terminal, &spec.size, e) < 0)
        return -1;
    spec.tty = s->tty;
    if (exec_run(s->engine, container, &spec, &code, e) == 0)
        return code;
    return s->signal ? 128 + s->signal : -1;
}

/* The builds folder is mounted at the path that it has on the host; so where a
 * container has such a mount with the job's project in it, that is the place. */
static void add_folders(const json_t *container, const char *project, struct strvec *argv)
{
    size_t i;
    json_t *mount;

    json_array_foreach(json_object_get(container, "Mounts"), i, mount) {
        const char *folder = json_text(mount, "Destination");
        if (*project && *folder == '/' && strcmp(json_text(mount, "Source"), folder) == 0)
            strvec_pushf(argv, "%s/%s", folder, project);
    }
}

static int wake(struct session *s, const json_t *container, struct err *e)
{
    const char *state = json_text(container, "State");
    auto_free char *shown = text_quote(state);

    if (strcmp(state, "running") == 0)
        return 0;
    log_info(&s->in->log, "The container does not run (%s): starting it", shown);
    if (container_start(s->engine, json_text(container, "Id"), e) < 0)
        return err_wrap(e, "start the job's container again");
    return 0;
}

static int enter(struct session *s, const struct job_list *list, struct err *e)
{
    const struct wanted wanted = { s->in->helper, s->in->service };
    const struct listed_job *job = job_list_find(list, s->in->args[0], e);
    const json_t *container = job ? job_list_container(list, job, &wanted, e) : NULL;
    const char *const words[] = { "sh", "-c", shell_visitor, "atelier" };
    auto_strvec argv = STRVEC_INIT;

    if (!container || wake(s, container, e) < 0)
        return -1;
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        strvec_push(&argv, words[i]);
    add_folders(container, job->project, &argv);
    strvec_push(&argv, "--");
    for (char *const *word = s->in->args + 1; *word; word++)
        strvec_push(&argv, *word);
    return run_session(s, json_text(container, "Id"), &argv, e);
}

int command_shell(const struct invocation *in, struct err *e)
{
    auto_config config = { 0 };
    auto_standby_records records = { .waiting = STRVEC_INIT };
    auto_job_list list = { 0 };
    struct engine_endpoint endpoint;
    __attribute__((cleanup(session_release))) struct session s = { .in = in };

    if (in->helper && in->service)
        return err_set(e, ERR_USAGE, 0, "--helper and --service name two containers: take one of them");
    if (!in->args[0] && (in->helper || in->service))
        return err_set(e, ERR_USAGE, 0, "of which job? usage: atelier shell JOB; 'atelier shell' lists the jobs");
    if (config_read(in->config, in->env, &config, e) < 0)
        return -1;
    config_endpoint(&config, in->env, &endpoint);
    if (engine_open(&endpoint, &s.engine, e) < 0 || job_list_read(s.engine, &list, e) < 0)
        return -1;
    standby_records_list(&config, &records);
    job_list_rename(&list, &records);
    return in->args[0] ? enter(&s, &list, e) : print_list(&list, e);
}
