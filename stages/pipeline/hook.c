#include "stages/pipeline/hook.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/number.h"
#include "base/process.h"
#include "base/strbuf.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>

/* gitlab-runner's defaults for [runners.custom] (contract 1.1). */
#define HOOK_TIMEOUT_MS  ((int64_t)3600 * 1000)
#define GRACEFUL_KILL_MS ((int64_t)600 * 1000)
#define FORCE_KILL_MS    ((int64_t)10 * 1000)

/* What we ask the hooks to exit with (contract 1.3). */
#define BUILD_FAILURE  1
#define SYSTEM_FAILURE 2

#define ANSWER_MAX ((size_t)1 << 20)

/* One hook to start. */
struct call {
    const char *verb;
    const char *script;   /* run only */
    const char *substage; /* run only */
    struct strbuf *answer; /* stdout goes here; NULL: to the sink, in one stream with stderr */
    int64_t timeout_ms;    /* 0: none */
    bool to_the_end;       /* a signal to us does not end it */
};

/* One hook that runs. */
struct watch {
    const struct hook *hook;
    const struct call *call;
    struct process process;
    int64_t deadline;  /* when its next escalation is due; INT64_MAX: never */
    int kills;         /* 0: left alone, 1: TERM was sent, 2: KILL too */
    bool timed_out;
    bool answer_full;
};

/* ---- The environment and the arguments ---- */

static void push_environment(const struct hook *h, const struct variables *v, struct strvec *env)
{
    auto_free char *codes = xasprintf("%s/build_exit_code", h->dir);
    const char *const ours[][2] = {
        { "TMPDIR", h->dir },
        { "BUILD_FAILURE_EXIT_CODE", "1" },
        { "SYSTEM_FAILURE_EXIT_CODE", "2" },
        { "JOB_RESPONSE_FILE", h->response_file },
        { "BUILD_EXIT_CODE_FILE", codes },
    };

    for (char *const *p = h->driver->env; *p; p++)
        strvec_push(env, *p);
    for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
        strvec_set_env(env, ours[i][0], ours[i][1]);
    strvec_set_env(env, "ATELIER_SOURCES", h->sources_file ? h->sources_file : "");
    for (size_t i = 0; i < h->job_env.n; i++) {
        auto_free char *key = xstrndup(h->job_env.items[i], strcspn(h->job_env.items[i], "="));
        strvec_set_env(env, key, h->job_env.items[i] + strlen(key) + 1);
    }
    for (size_t i = 0; i < v->n; i++) {
        auto_free char *key = xasprintf("CUSTOM_ENV_%s", v->items[i].key);
        strvec_set_env(env, key, v->items[i].value);
    }
}

static void push_arguments(const struct hook *h, const struct call *c, struct strvec *argv)
{
    strvec_push(argv, h->driver->program);
    if (h->driver->config) {
        strvec_push(argv, "--config");
        strvec_push(argv, h->driver->config);
    }
    strvec_push(argv, c->verb);
    if (c->script) {
        strvec_push(argv, c->script);
        strvec_push(argv, c->substage);
    }
}

/* ---- Watching ---- */

enum relay_result { RELAY_ENDED, RELAY_NOTHING, RELAY_SOME };

/* Pass on what is there now, at most one buffer of it. */
static enum relay_result relay(struct watch *w, int *fd, struct strbuf *answer)
{
    char buf[16384];

    if (*fd < 0)
        return RELAY_ENDED;
    ssize_t n = read(*fd, buf, sizeof(buf));
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return RELAY_NOTHING;
    if (n <= 0) {
        (void)close(*fd);
        *fd = -1;
        return RELAY_ENDED;
    }
    if (!answer)
        w->hook->sink(w->hook->sink_ctx, buf, (size_t)n);
    else if (strbuf_add(answer, buf, (size_t)n) < 0)
        w->answer_full = true;
    return RELAY_SOME;
}

/* What was written before the end is still in the pipes, at most 1 MiB each. No
 * longer than that: a process that the hook left behind may hold them open, and
 * write, for ever. */
static void drain(struct watch *w)
{
    for (int i = 0; i < 64 && relay(w, &w->process.out, w->call->answer) == RELAY_SOME; i++)
        ;
    for (int i = 0; i < 64 && relay(w, &w->process.err, NULL) == RELAY_SOME; i++)
        ;
}

static void escalate(struct watch *w, int64_t now)
{
    if (w->kills == 0) {
        process_kill(&w->process, true, SIGTERM);
        w->deadline = now + GRACEFUL_KILL_MS;
    } else {
        process_kill(&w->process, true, SIGKILL);
        w->deadline = now + FORCE_KILL_MS;
    }
    w->kills++;
}

/* TERM at the first signal to us, KILL at the second; and by the clock. */
static void act(struct watch *w)
{
    struct cancel *cancel = w->hook->driver->cancel;
    int64_t now = clock_ms();

    bool due = cancel_is_due(cancel);
    while (!w->call->to_the_end && due && w->kills < 2 && w->kills < cancel->count)
        escalate(w, now);
    if (w->kills < 3 && now >= w->deadline) {
        w->timed_out |= w->kills == 0;
        escalate(w, now);
    }
}

/* 0 when it has ended; -1 when even SIGKILL did not end it. */
static int watch(struct watch *w, struct err *e)
{
    struct pollfd fds[] = {
        { .fd = w->process.pidfd, .events = POLLIN },
        { .events = POLLIN },
        { .events = POLLIN },
        { .events = POLLIN },
    };

    for (;;) {
        int64_t left = w->deadline == INT64_MAX ? -1 : w->deadline - clock_ms();
        if (w->deadline != INT64_MAX && left < 0)
            left = 0;
        fds[1].fd = w->hook->driver->cancel->fd;
        fds[2].fd = w->process.out;
        fds[3].fd = w->process.err;
        (void)poll(fds, ARRAY_SIZE(fds), (int)left);
        (void)relay(w, &w->process.out, w->call->answer);
        (void)relay(w, &w->process.err, NULL);
        if (fds[0].revents) {
            drain(w);
            return 0;
        }
        act(w);
        if (w->kills > 2)
            return err_set(e, ERR_SYSTEM, 0, "failed to kill process %d, likely it is dormant", (int)w->process.pid);
    }
}

/* ---- What an end means (contract 1.9) ---- */

int hook_exit_code_parse(const char *text, int *out)
{
    auto_free char *line = xstrndup(text, strcspn(text, "\n"));
    size_t len = strlen(line);
    const char *digits = line;
    int64_t code;

    if (len > 0 && line[len - 1] == '\r')
        line[len - 1] = '\0';
    if (*digits == '+') /* as Go's strconv.Atoi */
        digits++;
    if (number_parse(digits, INT_MIN, INT_MAX, &code) < 0)
        return -1;
    *out = (int)code;
    return 0;
}

static enum hook_result unknown_exit(const char *verb, int code, struct err *e)
{
    (void)err_set(e, ERR_SYSTEM, code, "hook '%s' ended with %d, which is neither of the codes that it may end with",
                  verb, code);
    return HOOK_SYSTEM_FAILED;
}

/* Without the file the code is 1; with one that holds no number nobody knows. */
static enum hook_result build_failed(const struct hook *h, const char *verb, int *code, struct err *e)
{
    auto_free char *path = xasprintf("%s/build_exit_code", h->dir);
    auto_free char *text = NULL;

    *code = BUILD_FAILURE;
    if (file_read(path, 4096, &text, NULL, NULL) == 0 && hook_exit_code_parse(text, code) < 0)
        return unknown_exit(verb, BUILD_FAILURE, e);
    (void)err_set(e, ERR_JOB, *code, "exit code %d", *code);
    return HOOK_BUILD_FAILED;
}

static enum hook_result judge(const struct watch *w, int status, int *code, struct err *e)
{
    int exit_code = process_exit_code(status);

    if (w->kills > 0 && !w->timed_out) {
        (void)err_set(e, ERR_CANCELLED, 0, "canceled");
        return HOOK_CANCELLED;
    }
    if (w->timed_out) {
        (void)err_set(e, ERR_SYSTEM, 0, "hook '%s' took longer than %d s", w->call->verb,
                      (int)(w->call->timeout_ms / 1000));
        return HOOK_SYSTEM_FAILED;
    }
    if (w->answer_full) {
        (void)err_set(e, ERR_SYSTEM, 0, "hook '%s' answered more than %zu bytes", w->call->verb, ANSWER_MAX);
        return HOOK_SYSTEM_FAILED;
    }
    switch (exit_code) {
    case 0:
        return HOOK_DONE;
    case BUILD_FAILURE:
        return build_failed(w->hook, w->call->verb, code, e);
    case SYSTEM_FAILURE:
        (void)err_set(e, ERR_SYSTEM, exit_code, "system failure in hook '%s'", w->call->verb);
        return HOOK_SYSTEM_FAILED;
    default:
        return unknown_exit(w->call->verb, exit_code, e);
    }
}

static enum hook_result start(struct hook *h, const struct variables *v, const struct call *c, int *code,
                              struct err *e)
{
    auto_strvec argv = STRVEC_INIT;
    auto_strvec env = STRVEC_INIT;
    struct watch w = { .hook = h, .call = c, .process = PROCESS_INIT, .deadline = INT64_MAX };
    int status = 0;

    if (!c->to_the_end && cancel_is_due(h->driver->cancel)) {
        (void)err_set(e, ERR_CANCELLED, 0, "canceled");
        return HOOK_CANCELLED;
    }
    push_arguments(h, c, &argv);
    push_environment(h, v, &env);
    const struct process_spec spec = {
        .argv = (const char *const *)strvec_list(&argv), .env = strvec_list(&env), .dir = h->dir, .new_group = true,
        .in = PROCESS_NULL, .out = PROCESS_PIPE, .err = c->answer ? PROCESS_PIPE : PROCESS_MERGE,
    };
    if (process_start(&spec, &w.process, e) < 0) {
        (void)err_wrap(e, "hook '%s'", c->verb);
        return HOOK_SYSTEM_FAILED;
    }
    if (c->timeout_ms > 0)
        w.deadline = clock_ms() + c->timeout_ms;
    bool ended = watch(&w, e) == 0 && process_wait(&w.process, -1, &status, e) == 0;
    process_release(&w.process);
    return ended ? judge(&w, status, code, e) : HOOK_SYSTEM_FAILED;
}

/* ---- The four ---- */

int hook_open(const struct hook_driver *driver, const char *temporary, hook_sink_fn *sink, void *sink_ctx,
              struct hook *out, struct err *e)
{
    *out = (struct hook){ .driver = driver, .sink = sink, .sink_ctx = sink_ctx };
    if (dir_temporary(temporary, "custom-executor", &out->dir, e) < 0)
        return -1;
    out->response_file = xasprintf("%s/response.json", out->dir);
    return 0;
}

void hook_release(struct hook *h)
{
    if (h->dir)
        (void)dir_remove(h->dir, NULL); /* what a container's root put there stays with its owner */
    free(h->dir);
    free(h->response_file);
    free(h->sources_file);
    strvec_release(&h->job_env);
    *h = (struct hook)HOOK_INIT;
}

static int read_job_env(const json_t *object, struct strvec *out, struct err *e)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)object, key, value) {
        if (!json_is_string(value))
            return err_set(e, ERR_SYSTEM, 0, "config's answer: job_env.%s is not text", key);
        strvec_set_env(out, key, json_string_value(value));
    }
    return 0;
}

int hook_answer_parse(const char *text, size_t len, struct hook_answer *out, struct strvec *job_env, struct err *e)
{
    auto_json *doc = NULL;
    json_error_t why;
    json_t *env = NULL;
    const char *driver = NULL, *version = NULL, *hostname = NULL, *builds = NULL, *cache = NULL, *shell = NULL;
    int shared = 0;

    if (len == 0)
        return 0;
    if (json_parse(text, len, "config's answer", &doc, e) < 0)
        return -1;
    if (json_unpack_ex(doc, &why, 0, "{s?{s?s,s?s},s?s,s?s,s?s,s?b,s?o,s?s}", "driver", "name", &driver, "version",
                       &version, "hostname", &hostname, "builds_dir", &builds, "cache_dir", &cache,
                       "builds_dir_is_shared", &shared, "job_env", &env, "shell", &shell) < 0)
        return err_set(e, ERR_SYSTEM, 0, "config's answer: %s", why.text);
    if (read_job_env(env, job_env, e) < 0)
        return -1;
    *out = (struct hook_answer){ xstrdup(driver), xstrdup(version), xstrdup(hostname), xstrdup(builds),
                                 xstrdup(cache), xstrdup(shell), shared != 0 };
    return 0;
}

void hook_answer_release(struct hook_answer *a)
{
    free(a->driver_name);
    free(a->driver_version);
    free(a->hostname);
    free(a->builds_dir);
    free(a->cache_dir);
    free(a->shell);
    *a = (struct hook_answer){ NULL };
}

enum hook_result hook_call_config(struct hook *h, const struct variables *v, struct hook_answer *out, struct err *e)
{
    auto_strbuf answer = STRBUF_INIT(ANSWER_MAX);
    const struct call call = { .verb = "config", .answer = &answer, .timeout_ms = HOOK_TIMEOUT_MS };
    int code;

    enum hook_result result = start(h, v, &call, &code, e);
    if (result == HOOK_DONE && hook_answer_parse(strbuf_text(&answer), answer.len, out, &h->job_env, e) < 0)
        return HOOK_SYSTEM_FAILED;
    return result;
}

enum hook_result hook_call_prepare(struct hook *h, const struct variables *v, struct err *e)
{
    const struct call call = { .verb = "prepare", .timeout_ms = HOOK_TIMEOUT_MS };
    int code;

    return start(h, v, &call, &code, e);
}

enum hook_result hook_call_run(struct hook *h, const struct variables *v, const char *script, const char *substage,
                          int64_t timeout_ms, int *code, struct err *e)
{
    auto_free char *dir = NULL;

    if (dir_temporary(h->dir, "script", &dir, e) < 0)
        return HOOK_SYSTEM_FAILED;
    auto_free char *path = xasprintf("%s/script", dir);
    if (file_write(path, script, strlen(script), 0700, e) < 0)
        return HOOK_SYSTEM_FAILED;
    const struct call call = { .verb = "run", .script = path, .substage = substage, .timeout_ms = timeout_ms };
    return start(h, v, &call, code, e);
}

enum hook_result hook_call_cleanup(struct hook *h, const struct variables *v, struct err *e)
{
    const struct call call = { .verb = "cleanup", .timeout_ms = HOOK_TIMEOUT_MS, .to_the_end = true };
    int code;

    return start(h, v, &call, &code, e);
}
