/* executor/hook_run.c: runs one script of the job in the container that it belongs to. */
#include "base/file.h"
#include "base/interrupt.h"
#include "base/text.h"
#include "engine/container.h"
#include "engine/exec.h"
#include "executor/client_config.h"
#include "executor/host.h"
#include "executor/kept.h"
#include "executor/mark.h"
#include "executor/service_logs.h"
#include "stages/shell.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Each sub-stage that gitlab-runner 14 to 19 asks for (contract 1.7), and whose
 * container its script runs in. */
static const struct substage {
    const char *name;
    const char *role;
    bool prefix; /* of names: "step_release" */
} substages[] = {
    { "prepare_script", "helper", false },
    { "get_sources", "helper", false },
    { "clear_worktree", "helper", false },
    { "restore_cache", "helper", false },
    { "download_artifacts", "helper", false },
    { "build_script", "build", false },
    { "step_", "build", true },
    { "after_script", "build", false },
    { "archive_cache", "helper", false },
    { "archive_cache_on_failure", "helper", false },
    { "upload_artifacts_on_success", "helper", false },
    { "upload_artifacts_on_failure", "helper", false },
    { "cleanup_file_variables", "helper", false },
};

static const struct substage *substage_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(substages); i++) {
        const struct substage *s = &substages[i];
        if (s->prefix ? text_starts(name, s->name) && name[strlen(s->name)] : strcmp(name, s->name) == 0)
            return s;
    }
    return NULL;
}

/* How long a container may still seem to run after its processes were killed. */
#define SETTLE_TRIES 10
#define SETTLE_MS    50

/* The script as an exec's stdin: the file, then the shell's end. A half-closed
 * connection says so too, but not every proxy passes that on, and runners before
 * 15.0 write no newline after the last word. */
struct script {
    int fd;
    const char *path;
    const char *rest;
};

static ssize_t script_read(void *ctx, char *buf, size_t size, struct err *e)
{
    struct script *s = ctx;
    ssize_t n = s->fd >= 0 ? read(s->fd, buf, size) : 0;

    if (n < 0)
        return err_set(e, ERR_SYSTEM, errno, "read script '%s': %s", s->path, strerror(errno));
    if (n > 0)
        return n;
    size_t len = strlen(s->rest) < size ? strlen(s->rest) : size;
    memcpy(buf, s->rest, len);
    s->rest += len;
    return (ssize_t)len;
}

/* One sub-stage under way. */
struct run {
    const struct invocation *in;
    const struct substage *substage;
    struct process logs; /* shows what services say */
    struct engine *engine;
    char *container;
    bool running;
    struct strvec entrypoint;
    struct mark mark;
    int64_t grace_ms;
    int64_t deadline;     /* monotonic ms when TERM was not enough; 0 before */
    int signal;           /* what cancelled us, 0 for nothing */
    bool killed;
};

static void run_release(struct run *r)
{
    service_logs_stop(&r->logs);
    engine_close(r->engine);
    free(r->container);
    strvec_release(&r->entrypoint);
}

static int write_stdout(void *ctx, const char *data, size_t len, struct err *e)
{
    (void)ctx;
    return fd_write(STDOUT_FILENO, data, len, e);
}

static int output(void *ctx, enum stream_kind kind, const char *data, size_t len, struct err *e)
{
    struct run *r = ctx;

    if (kind != STREAM_STDOUT)
        return fd_write(STDERR_FILENO, data, len, e);
    if (r->entrypoint.n == 0)
        return write_stdout(NULL, data, len, e);
    return mark_filter(&r->mark, data, len, write_stdout, NULL, e);
}

static int64_t now_ms(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Ask the script's processes to end, as root so that those of every user hear it. */
static int stop_script(struct run *r, struct err *e)
{
    auto_engine *second = NULL;
    auto_strvec argv = STRVEC_INIT;
    const char *const words[] = { "sh", "-c", shell_stopper, "atelier" };

    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        strvec_push(&argv, words[i]);
    if (engine_again(r->engine, &second, e) < 0)
        return -1;
    const struct exec_spec spec = { .argv = &argv, .user = "0:0" };
    return exec_detached(second, r->container, &spec, e);
}

/* The kernel ends what is left; after_script finds the container stopped and starts it again. */
static int kill_container(struct run *r, struct err *e)
{
    auto_engine *second = NULL;

    r->killed = true;
    if (engine_again(r->engine, &second, e) < 0)
        return -1;
    return container_kill(second, r->container, NULL, e);
}

static int cancel(struct run *r, int number, struct err *e)
{
    auto_err ignored = ERR_INIT;

    if (r->signal)
        return r->killed ? 0 : kill_container(r, e);
    r->signal = number;
    r->deadline = now_ms() + r->grace_ms;
    log_warning(&r->in->log, "cancelled: asking the job's processes to end");
    if (stop_script(r, &ignored) < 0)
        return kill_container(r, e);
    return 0;
}

static int tick(void *ctx, int64_t *next_ms, struct err *e)
{
    struct run *r = ctx;
    int number = interrupt_take(r->in->interrupt_fd);

    if (number && cancel(r, number, e) < 0)
        return -1;
    *next_ms = -1;
    if (!r->signal || r->killed)
        return 0;
    *next_ms = r->deadline - now_ms();
    if (*next_ms > 0)
        return 0;
    log_warning(&r->in->log, "cancelled: killing what did not end in time");
    *next_ms = -1;
    return kill_container(r, e);
}

static int find_container(struct run *r, const struct place *place, struct err *e)
{
    auto_strvec labels = STRVEC_INIT;
    auto_json *list = NULL;
    auto_json *entrypoint = NULL;

    place_filter(place, &labels);
    strvec_pushf(&labels, LABEL_ROLE "=%s", r->substage->role);
    if (container_list(r->engine, &labels, &list, e) < 0)
        return -1;
    const json_t *found = json_array_get(list, 0);
    if (!found)
        return err_set(e, ERR_SYSTEM, 0,
                       "the job's %s container is gone: was it removed from outside, or did prepare not run?",
                       r->substage->role);
    r->container = json_text_any(found, "Id");
    r->running = strcmp(json_text(found, "State"), "running") == 0;
    const char *text = json_text(json_object_get(found, "Labels"), LABEL_ENTRYPOINT);
    if (*text && json_parse(text, strlen(text), "label " LABEL_ENTRYPOINT, &entrypoint, e) < 0)
        return -1;
    auto_json *holder = json_pack("{s:O*}", "list", entrypoint);
    json_list(holder, "list", &r->entrypoint);
    return 0;
}

/* The image's ENTRYPOINT, given the shell as its command: what it exports and the
 * user that it drops to reach the script, as with the docker executor. */
static void build_argv(const struct run *r, struct strvec *argv)
{
    auto_free char *word = mark_word(&r->mark);
    const char *const words[] = { "sh", "-c", shell_runner, "atelier", r->entrypoint.n ? word : "" };

    strvec_push_all(argv, &r->entrypoint);
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        strvec_push(argv, words[i]);
}

/* An ENTRYPOINT may want the job's variables; the script exports its own. What
 * get_sources leaves must be open to the user of the job's image. */
static void build_env(const struct run *r, const struct host *h, struct strvec *env)
{
    if (r->entrypoint.n > 0)
        job_variables(&h->job, r->in->env, env);
    if (strcmp(r->substage->name, "get_sources") == 0)
        strvec_pushf(env, SHELL_OPEN "=%s", h->place.builds_dir);
}

static int execute(struct run *r, const struct host *h, struct script *script, int *code, struct err *e)
{
    auto_strvec argv = STRVEC_INIT;
    auto_strvec env = STRVEC_INIT;
    const struct engine_watch watch = { tick, r, r->in->interrupt_fd };
    const struct exec_spec spec = {
        .argv = &argv,
        .env = &env,
        .input = script_read,
        .input_ctx = script,
        .sink = output,
        .sink_ctx = r,
        .watch = &watch,
    };

    build_argv(r, &argv);
    build_env(r, h, &env);
    int rc = exec_run(r->engine, r->container, &spec, code, e);
    return mark_finish(&r->mark, write_stdout, NULL, rc < 0 ? NULL : e) < 0 ? -1 : rc;
}

/* Whether the container itself is at its end; then `why` says how. */
static bool is_container_ended(struct run *r, struct err *why)
{
    auto_json *now = NULL;
    const char *role = r->substage->role;

    if (container_inspect(r->engine, r->container, &now, why) < 0) {
        if (why->kind != ERR_NOT_FOUND)
            return false;
        (void)err_set(why, ERR_SYSTEM, 0, "the job's %s container was removed from outside while its script ran",
                      role);
        return true;
    }
    if (json_is_true(json_at(now, "State", "Running", NULL)))
        return false;
    bool oom = json_is_true(json_at(now, "State", "OOMKilled", NULL));
    (void)err_set(why, ERR_SYSTEM, 0, "the job's %s container was %s while its script ran", role,
                  oom ? "killed for want of memory" : "stopped from outside");
    return true;
}

/* The daemon tells of the process's death a moment before the container's. */
static bool container_ended(struct run *r, struct err *why)
{
    for (int i = 0; i < SETTLE_TRIES; i++) {
        if (is_container_ended(r, why))
            return true;
        (void)poll(NULL, 0, SETTLE_MS);
    }
    return false;
}

/* Whose fault the end was. 0 when the script's own code is what counts. */
static int judge(struct run *r, int rc, int code, struct err *e)
{
    auto_err why = ERR_INIT;

    if (r->signal)
        return err_set(e, ERR_CANCELLED, r->signal, "cancelled (%s)", strsignal(r->signal));
    if ((rc < 0 || code == 128 + SIGKILL) && container_ended(r, &why))
        return err_move(e, &why);
    if (rc == 0 && code == 0 && r->entrypoint.n > 0 && !r->mark.seen)
        return err_set(e, ERR_JOB, 0,
                       "the image's ENTRYPOINT '%s' ended without running the script; "
                       "clear it in .gitlab-ci.yml with `image: {name: …, entrypoint: [\"\"]}`",
                       r->entrypoint.items[0]);
    return rc;
}

/* The runner reads the exact code from the file (17.9+) when we exit with its code for a failed build. */
static int report_code(const struct invocation *in, int code, struct err *e)
{
    auto_free char *text = xasprintf("%d\n", code);

    if (in->exit_code_file && file_write(in->exit_code_file, text, strlen(text), 0600, e) < 0)
        return err_wrap(e, "write the exit code for gitlab-runner");
    return in->build_failure;
}

/* What it had in memory is gone. */
static int start_again(struct run *r, const struct host *h, struct err *e)
{
    if (container_start(r->engine, r->container, e) < 0)
        return -1;
    if (strcmp(r->substage->role, "build") != 0)
        return 0;
    return client_config_write(h, r->in, r->engine, r->container, r->entrypoint.n > 0, e);
}

static int run_substage(struct run *r, struct host *h, struct script *script, struct err *e)
{
    int code = 0;

    if (host_connect(h, r->in, &r->engine, e) < 0 || find_container(r, &h->place, e) < 0 ||
        host_check_interrupt(r->in, e) < 0 || mark_init(&r->mark, e) < 0)
        return -1;
    if (!r->running && start_again(r, h, e) < 0)
        return err_wrap(e, "start the job's %s container again", r->substage->role);
    int rc = execute(r, h, script, &code, e);
    if (judge(r, rc, code, e) < 0)
        return -1;
    if (code == 0)
        return 0;
    kept_announce(h, r->in, r->substage->name);
    return report_code(r->in, code, e);
}

int hook_run(const struct invocation *in, struct err *e)
{
    auto_host h = { 0 };
    const struct substage *substage = substage_find(in->args[1]);

    /* The runner never deletes it: an earlier sub-stage's code would count again (contract 1.9). */
    if (in->exit_code_file && unlink(in->exit_code_file) < 0 && errno != ENOENT)
        return err_set(e, ERR_SYSTEM, errno, "remove '%s': %s", in->exit_code_file, strerror(errno));
    if (!substage) {
        auto_free char *shown = text_quote(in->args[1]);
        return err_set(e, ERR_SYSTEM, 0,
                       "unknown sub-stage '%s': this atelier (" ATELIER_VERSION ") knows those of gitlab-runner 14 to "
                       "19; a newer runner needs a newer atelier", shown);
    }
    if (host_init(in, &h, e) < 0)
        return -1;
    auto_close int fd = open(in->args[0], O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_set(e, ERR_SYSTEM, errno, "open script '%s': %s", in->args[0], strerror(errno));
    struct script script = { .fd = fd, .path = in->args[0], .rest = "\nexit\n" };
    __attribute__((cleanup(run_release))) struct run r = {
        .in = in, .substage = substage, .grace_ms = h.config.cancel_grace_ms, .logs = PROCESS_INIT
    };
    service_logs_start(&h, in, &r.logs);
    int status = run_substage(&r, &h, &script, e);
    return status < 0 ? err_wrap(e, "%s", substage->prefix ? in->args[1] : substage->name) : status;
}
