/* executor/hook_run.c: runs one script of the job in the container that it belongs to. */
#include "base/clock.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/text.h"
#include "engine/container.h"
#include "engine/exec.h"
#include "executor/build_folder.h"
#include "executor/deploy_server.h"
#include "executor/host.h"
#include "executor/job_script.h"
#include "executor/kept.h"
#include "executor/mark.h"
#include "executor/service_logs.h"
#include "executor/verdict.h"
#include "executor/way.h"
#include "stages/shell.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

/* Each sub-stage that gitlab-runner 14 to 19 asks for (contract 1.7), and whose
 * container its script runs in. */
static const struct substage {
    const char *name;
    const char *role;
    bool prefix; /* of names: "step_release" */
    bool first;  /* of every job */
} substages[] = {
    { "prepare_script", "helper", false, .first = true },
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

/* Where nothing is expanded but by the shell: in the steps of a job, but for a release's (contract 2.9). */
static bool is_authors_own(const struct substage *substage, const char *name)
{
    return strcmp(substage->role, "build") == 0 && strcmp(name, "step_release") != 0;
}

/* One sub-stage under way. */
struct run {
    const struct invocation *in;
    const struct substage *substage;
    struct process logs; /* shows what services say */
    struct process deploys; /* answers the job's deploy-master */
    const struct place *place;
    struct way way;
    struct mark mark;
    int64_t grace_ms;
    int64_t deadline;     /* monotonic ms when TERM was not enough; 0 before */
    int signal;           /* what cancelled us, 0 for nothing */
    bool waiting;         /* the script has not begun: the build folder is being given to its user */
    bool killed;
};

static void run_release(struct run *r)
{
    deploy_server_stop(&r->deploys);
    service_logs_stop(&r->logs);
    way_release(&r->way);
}

/* Whether the runner in the container has something to tell us: no helper's has, and on the direct way only one
 * behind an ENTRYPOINT. */
static bool is_marked(const struct run *r)
{
    return way_is_build(&r->way) && (r->way.direct.fd < 0 || r->way.direct.hello.entrypoint);
}

static int write_stdout(void *ctx, const char *data, size_t len, struct err *e)
{
    (void)ctx;
    return fd_write(STDOUT_FILENO, data, len, e);
}

static void stopper_argv(const char *how, struct strvec *argv)
{
    const char *const words[] = { "sh", "-c", shell_stopper, "atelier", how };

    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        strvec_push(argv, words[i]);
}

/* Ask the script's processes to end, as root so that those of every user hear it. */
static int stop_script(struct run *r, struct err *e)
{
    auto_engine *second = NULL;
    auto_strvec argv = STRVEC_INIT;
    const struct exec_spec spec = { .argv = &argv, .user = "0:0" };

    if (r->way.direct.fd >= 0) {
        direct_stop(&r->way.direct);
        return 0;
    }
    stopper_argv("TERM", &argv);
    if (engine_again(r->way.engine, &second, e) < 0)
        return -1;
    return exec_detached(second, r->way.container, &spec, e);
}

/* The kernel ends what is left; after_script finds the container stopped and starts it again. */
static int kill_container(struct run *r, struct err *e)
{
    auto_engine *second = NULL;

    r->killed = true;
    if (way_reach(&r->way, e) < 0 || engine_again(r->way.engine, &second, e) < 0)
        return -1;
    return container_kill(second, r->way.container, NULL, e);
}

/* gitlab-runner has one signal for a job that was cancelled and for one whose time is up. */
#define TOLD "told to end this script (cancelled, or its time is up)"

static int cancel(struct run *r, int number, struct err *e)
{
    auto_err ignored = ERR_INIT;

    if (r->signal)
        return r->killed ? 0 : kill_container(r, e);
    r->signal = number;
    r->deadline = clock_ms() + r->grace_ms;
    deploy_server_tell(&r->deploys);
    log_warning(&r->in->log, TOLD ": asking the job's processes to end");
    if (r->waiting)
        return err_set(e, ERR_CANCELLED, number, TOLD);
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
    if (r->killed && r->way.direct.fd >= 0) /* whoever still holds the connection is no process of the job's */
        return err_set(e, ERR_CANCELLED, r->signal, TOLD);
    if (!r->signal || r->killed)
        return 0;
    *next_ms = r->deadline - clock_ms();
    if (*next_ms > 0)
        return 0;
    log_warning(&r->in->log, TOLD ": killing what did not end in time");
    *next_ms = 0;
    return kill_container(r, e);
}

static const char *project_dir(const struct run *r)
{
    const char *folder = env_get(r->in->env, "CUSTOM_ENV_CI_PROJECT_DIR");

    return folder ? folder : "";
}

/* A runner in the container that waits for the folder must not, when nobody will give it. */
static int give_folder(struct run *r, int64_t uid, int64_t gid, struct err *e)
{
    const struct engine_watch watch = { tick, r, r->in->interrupt_fd };
    auto_err ignored = ERR_INIT;

    if (way_reach(&r->way, e) < 0)
        return -1;
    r->waiting = true;
    int rc = build_folder_give(r->way.engine, r->place, project_dir(r), uid, gid, &watch, e);
    r->waiting = false;
    if (rc < 0 && r->way.direct.fd < 0) /* else it goes with the connection */
        (void)kill_container(r, &ignored);
    return rc;
}

static int ignore_output(void *ctx, enum stream_kind kind, const char *data, size_t len, struct err *e)
{
    (void)ctx, (void)kind, (void)data, (void)len, (void)e;
    return 0;
}

/* Kill what a script that has ended left behind of root's: gone when this returns. */
static int sweep(struct run *r, struct err *e)
{
    auto_engine *second = NULL;
    auto_strvec argv = STRVEC_INIT;
    const struct engine_watch watch = { tick, r, r->in->interrupt_fd };
    const struct exec_spec spec = { .argv = &argv, .user = "0:0", .sink = ignore_output, .watch = &watch };
    int code;

    stopper_argv("KILL", &argv);
    if (way_reach(&r->way, e) < 0 || engine_again(r->way.engine, &second, e) < 0)
        return -1;
    return exec_run(second, r->way.container, &spec, &code, e);
}

static int output(void *ctx, enum stream_kind kind, const char *data, size_t len, struct err *e)
{
    struct run *r = ctx;
    unsigned before = r->mark.seen;

    if (kind != STREAM_STDOUT)
        return fd_write(STDERR_FILENO, data, len, e);
    if (!is_marked(r))
        return write_stdout(NULL, data, len, e);
    if (mark_filter(&r->mark, data, len, write_stdout, NULL, e) < 0)
        return -1;
    if (before == 0 && r->mark.seen > 0 && r->mark.wants_folder && give_folder(r, r->mark.uid, r->mark.gid, e) < 0)
        return -1;
    return before < MARK_MOST && r->mark.seen == MARK_MOST ? sweep(r, e) : 0;
}

/* The image's ENTRYPOINT, given the shell as its command: what it exports and the
 * user that it drops to reach the script, as with the docker executor. On the direct way
 * it is put before all this in the container, and nothing at all means the image's best shell. */
static void build_argv(const struct run *r, struct strvec *argv)
{
    bool direct = r->way.direct.fd >= 0;
    auto_free char *mark = mark_word(&r->mark);
    const char *folder = r->place->builds_dir;
    const char *runner = direct ? shell_direct : shell_runner;
    const char *const marked[] = { "sh", "-c", runner, "atelier", mark, folder, NULL };
    const char *const first[] = { "sh", "-c", shell_taker, "atelier", folder, project_dir(r), runner, NULL };
    const char *const other[] = { "sh", "-c", runner, "atelier", NULL };

    if (!direct)
        strvec_push_all(argv, &r->way.entrypoint);
    if (direct && !is_marked(r) && !r->substage->first)
        return;
    for (const char *const *word = is_marked(r) ? marked : r->substage->first ? first : other; *word; word++)
        strvec_push(argv, *word);
}

static void add_variables(const struct host *h, char *const *environment, struct strvec *out)
{
    auto_strvec all = STRVEC_INIT;

    job_variables(&h->job, environment, &all);
    for (size_t i = 0; i < all.n; i++)
        if (h->config.keep_script_secrets || !secret_variable_is(all.items[i]))
            strvec_push(out, all.items[i]);
}

static bool has_entrypoint(const struct run *r)
{
    return r->way.entrypoint.n > 0 || (r->way.direct.fd >= 0 && r->way.direct.hello.entrypoint);
}

/* The first mark has come on the direct way. */
static int answer_mark(void *ctx, struct err *e)
{
    struct run *r = ctx;

    return r->mark.wants_folder ? give_folder(r, r->mark.uid, r->mark.gid, e) : 0;
}

/* Where no ENTRYPOINT can change it, it is known who the script is before it begins. */
static bool wants_folder(const struct run *r)
{
    const struct order_hello *user = &r->way.direct.hello;
    auto_free char *given = xasprintf("%s/.owner-%u-%u", r->place->builds_dir, user->uid, user->gid);

    return way_is_build(&r->way) && !user->entrypoint && user->uid != 0 && access(given, F_OK) != 0;
}

static int execute_directly(struct run *r, const struct exec_spec *by_daemon, int *code, struct err *e)
{
    const struct direct_script script = {
        .argv = by_daemon->argv,
        .env = by_daemon->env,
        .input = by_daemon->input,
        .input_ctx = by_daemon->input_ctx,
        .mark = is_marked(r) ? &r->mark : NULL,
        .on_mark = answer_mark,
        .watch = *by_daemon->watch,
    };

    if (wants_folder(r) && give_folder(r, r->way.direct.hello.uid, r->way.direct.hello.gid, e) < 0)
        return -1;
    if (direct_run(&r->way.direct, &script, code, e) < 0)
        return -1;
    return r->way.direct.left > 0 ? sweep(r, e) : 0;
}

static int execute(struct run *r, const struct host *h, struct job_script *script, int *code, struct err *e)
{
    auto_strvec argv = STRVEC_INIT;
    auto_strvec env = STRVEC_INIT;
    const struct engine_watch watch = { tick, r, r->in->interrupt_fd };
    bool cut = false;
    const struct exec_spec spec = {
        .argv = &argv,
        .env = &env,
        .input = job_script_read,
        .input_ctx = script,
        .sink = output,
        .sink_ctx = r,
        .talker = "the script", /* for the runner around it keeps its output open */
        .cut = &cut,
        .watch = &watch,
    };

    build_argv(r, &argv);
    if (has_entrypoint(r)) { /* it may want the job's variables; the script exports its own */
        add_variables(h, r->in->env, &env);
        strvec_push(&env, "TINI_SUBREAPER=true"); /* tini is not process 1 here, and complains of it */
    }
    if (r->way.direct.fd >= 0)
        return execute_directly(r, &spec, code, e);
    int rc = exec_run(r->way.engine, r->way.container, &spec, code, e);
    if (cut)
        log_warning(&r->in->log, "the connection to the daemon ended before the script did: the end of its output may be "
                    "missing above");
    return mark_finish(&r->mark, write_stdout, NULL, rc < 0 ? NULL : e) < 0 ? -1 : rc;
}

/* Whose fault the end was. 0 when *code is what counts. */
static int judge(struct run *r, const struct host *h, int64_t began_ms, int rc, int *code, struct err *e)
{
    if (r->signal)
        return err_set(e, ERR_CANCELLED, r->signal, TOLD ": %s", strsignal(r->signal));
    if (r->killed) /* by us, and the error says why */
        return rc;
    if (rc == 0 && *code == 0 && (!has_entrypoint(r) || r->mark.seen))
        return 0;
    auto_err unreachable = ERR_INIT;
    if (way_reach(&r->way, &unreachable) < 0) /* then the code is true all the same */
        return rc;
    if (rc == 0 && *code == 0)
        return err_set(e, ERR_JOB, 0,
                       "the image's ENTRYPOINT '%s' ended without running the script; "
                       "clear it in .gitlab-ci.yml with `image: {name: …, entrypoint: [\"\"]}`",
                       r->way.entrypoint.n > 0 ? r->way.entrypoint.items[0] : "");
    const struct ending ending = {
        .engine = r->way.engine,
        .container = r->way.container,
        .role = r->substage->role,
        .kind = kind_name(kind_of(&h->config.kinds, h->job.stage, h->job.environment)),
        .began_ms = began_ms,
        .answered = rc == 0 && r->way.direct.fd >= 0,
        .gone = r->way.direct.gone,
        .log = &r->in->log,
    };
    return verdict(&ending, rc, code, e);
}

/* The runner reads the exact code from the file (17.9+) when we exit with its code for a failed build. */
static int report_code(const struct invocation *in, int code, struct err *e)
{
    auto_free char *text = xasprintf("%d\n", code);

    if (in->exit_code_file && file_write(in->exit_code_file, text, strlen(text), 0600, e) < 0)
        return err_wrap(e, "write the exit code for gitlab-runner");
    return in->build_failure;
}

static int run_substage(struct run *r, struct host *h, struct job_script *script, struct err *e)
{
    int code = 0;

    if (mark_init(&r->mark, e) < 0 || way_find(&r->way, e) < 0 || host_check_interrupt(r->in, e) < 0)
        return -1;
    if (way_is_build(&r->way))
        deploy_server_start(h, r->in, r->way.engine, r->way.container, &r->deploys);
    int64_t began_ms = clock_epoch_ms();
    int rc = execute(r, h, script, &code, e);
    if (judge(r, h, began_ms, rc, &code, e) < 0)
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
    auto_job_script script = JOB_SCRIPT_INIT;
    if (job_script_open(&script, &h.secrets, in->args[0], is_authors_own(substage, in->args[1]), e) < 0)
        return err_wrap(e, "%s", in->args[1]);
    __attribute__((cleanup(run_release))) struct run r = {
        .in = in,
        .substage = substage,
        .way = WAY_INIT(in, &h, substage->role),
        .place = &h.place,
        .grace_ms = h.config.cancel_grace_ms,
        .logs = PROCESS_INIT,
        .deploys = PROCESS_INIT,
    };
    service_logs_start(&h, in, &r.logs);
    int status = run_substage(&r, &h, &script, e);
    return status < 0 ? err_wrap(e, "%s", substage->prefix ? in->args[1] : substage->name) : status;
}
