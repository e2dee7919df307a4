#include "engine/exec.h"

#include "base/clock.h"
#include "base/text.h"
#include "engine/call.h"
#include "engine/container.h"
#include "engine/event.h"

#include <poll.h>
#include <string.h>

/* The daemon notes the end of a process a moment after the end of its output. */
#define FIRST_WAIT_MS 2
#define LAST_WAIT_MS  1000

/* How long one whose output has ended may still run before its container is asked as well. */
#define SUSPICIOUS_MS 4000

/* How long after the end of its output a talker's end may become known, on a busy daemon or one that is away for a moment. */
#define LOST_MS 10000
/* When it took so long, the output may not have come to its end. */
#define LATE_MS 2000

/* Enough of the first output to recognise, and to show, why nothing was started. */
#define HEAD_BYTES 1024

struct output {
    struct stream_decoder decoder;
    bool raw; /* a terminal's: one stream, without frames */
    stream_sink_fn *sink;
    void *sink_ctx;
    char head[HEAD_BYTES + 1];
    size_t head_len;
};

static int on_payload(void *ctx, enum stream_kind kind, const char *data, size_t len, struct err *e)
{
    struct output *o = ctx;
    size_t room = HEAD_BYTES - o->head_len;
    size_t n = len < room ? len : room;
    memcpy(o->head + o->head_len, data, n);
    o->head_len += n;
    return o->sink(o->sink_ctx, kind, data, len, e);
}

static int on_data(void *ctx, const char *data, size_t len, struct err *e)
{
    struct output *o = ctx;
    if (o->raw)
        return on_payload(o, STREAM_STDOUT, data, len, e);
    return stream_decode(&o->decoder, data, len, on_payload, o, e);
}

/* Whether the container lacks what was asked for. All else, such as a host
 * without memory, is not for the job's author to mend. crun writes the system's
 * reasons with a capital, runc without. */
static bool is_lacking(const char *reason)
{
    static const char *const words[] = { "executable file not found", "no such file or directory",
                                         "permission denied",         "exec format error",
                                         "not a directory",           "unable to find user",
                                         "unable to find group",      "no matching entries" };
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        if (strcasestr(reason, words[i]))
            return true;
    }
    return false;
}

static json_t *console(const struct exec_spec *spec)
{
    bool known = spec->tty && spec->size.rows > 0 && spec->size.columns > 0;
    return known ? json_pack("[i,i]", (int)spec->size.rows, (int)spec->size.columns) : NULL;
}

static int exec_create(struct engine *d, const char *container, const struct exec_spec *spec, bool attach,
                       char **id, struct err *e)
{
    auto_json *body =
        json_pack("{s:b, s:b, s:b, s:b, s:o*, s:o, s:o*, s:s*, s:s*}", "AttachStdin", attach && spec->input,
                  "AttachStdout", attach, "AttachStderr", attach, "Tty", spec->tty, "ConsoleSize", console(spec),
                  "Cmd", json_strings(spec->argv), "Env", spec->env ? json_strings(spec->env) : NULL, "User",
                  spec->user, "WorkingDir", spec->dir);
    const struct engine_call c = {
        .what = "prepare a process in container",
        .name = container,
        .method = "POST",
        .path = "/containers/{}/exec",
        .body = body,
    };
    auto_err problem = ERR_INIT;
    if (engine_call_id(d, &c, id, &problem) == 0)
        return 0;
    /* Docker 28 looks for the user here already, older ones when the process is to start. */
    if (problem.code == 400 && is_lacking(err_text(&problem)))
        problem.kind = ERR_JOB;
    return err_move(e, &problem);
}

/* Start it and carry its streams to their end. There is no Upgrade header: the
 * daemon takes the connection over all the same, and answers 200. */
static int exec_start(struct engine *d, const char *id, const struct exec_spec *spec, struct output *o,
                      struct err *e)
{
    auto_json *body = json_pack("{s:b, s:b, s:o*}", "Detach", 0, "Tty", spec->tty, "ConsoleSize", console(spec));
    auto_free char *path = xasprintf("/exec/%s/start", id);
    const struct engine_call c = {
        .what = "run a process in the container",
        .method = "POST",
        .path = path,
        .body = body,
        .after = spec->input,
        .after_ctx = spec->input_ctx,
        .on_data = on_data,
        .data_ctx = o,
        .watch = spec->watch,
        .timeout_ms = CALL_ENDLESS,
    };
    if (engine_call(d, &c, NULL, e) < 0)
        return -1;
    return spec->talker ? 0 : stream_finish(&o->decoder, e);
}

static int exec_inspect(struct engine *d, const char *id, json_t **out, struct err *e)
{
    auto_free char *path = xasprintf("/exec/%s/json", id);
    const struct engine_call c = { .what = "ask for the process's exit code", .method = "GET", .path = path };
    return engine_call(d, &c, out, e);
}

/* Wait a little, as long as the watch has nothing against it. */
static int pause_watched(const struct engine_watch *watch, int ms, struct err *e)
{
    struct pollfd wake = { .fd = watch && watch->tick ? watch->wake_fd : -1, .events = POLLIN };
    (void)poll(&wake, 1, ms);
    int64_t next_ms = -1;
    return watch && watch->tick ? watch->tick(watch->ctx, &next_ms, e) : 0;
}

/* No process outlives its container, whatever the daemon still says of it. */
static int check_container(struct engine *d, const char *container, struct err *e)
{
    auto_json *state = NULL;
    if (container_inspect(d, container, &state, e) < 0)
        return -1;
    if (json_flag(json_object_get(state, "State"), "Running", false))
        return 0;
    return err_set(e, ERR_SYSTEM, 0,
                   "container '%s' stopped, and the daemon does not know how its process ended", container);
}

/* The end of the output is not the end of the process: a script may close both
 * streams and work on. *out is its state when it has ended. */
static int exec_wait(struct engine *d, const char *container, const char *id,
                     const struct engine_watch *watch, json_t **out, struct err *e)
{
    int64_t waited = 0;
    for (int wait = FIRST_WAIT_MS;; wait = wait * 2 < LAST_WAIT_MS ? wait * 2 : LAST_WAIT_MS) {
        auto_json *state = NULL;
        if (exec_inspect(d, id, &state, e) < 0)
            return -1;
        if (!json_flag(state, "Running", false)) {
            *out = take(&state);
            return 0;
        }
        if (waited > SUSPICIOUS_MS && check_container(d, container, e) < 0)
            return -1;
        if (pause_watched(watch, wait, e) < 0)
            return -1;
        waited += wait;
    }
}

static int lost(struct engine *d, const struct exec_spec *spec, const char *why, struct err *e)
{
    return err_set(e, ERR_SYSTEM, 0,
                   "the connection to the daemon at '%s' was lost while %s ran (%s): see whether the daemon, or a proxy "
                   "before it, was restarted, and try again", engine_host(d), spec->talker, why);
}

/* dockerd gives up a process whose output it cannot write to us, and notes this code of its own for it. */
#define GIVEN_UP 126

static bool is_given_up(struct engine *d, const char *container, const char *id, const json_t *state)
{
    bool died = false;

    return json_number(state, "ExitCode", -1) == GIVEN_UP && json_number(state, "Pid", 0) > 0 &&
           event_exec_died(d, container, id, GIVEN_UP, &died, NULL) == 0 && !died;
}

/* The end of the output is the end of the process, or that of the connection: the daemon is asked which. A daemon that
 * was restarted knows the process no longer. */
static int talker_wait(struct engine *d, const char *container, const char *id, const struct exec_spec *spec,
                       const struct output *o, json_t **out, struct err *e)
{
    int64_t since = clock_ms(), late = 0;

    for (int wait = FIRST_WAIT_MS;; wait = wait * 2 < LAST_WAIT_MS ? wait * 2 : LAST_WAIT_MS) {
        auto_json *state = NULL;
        auto_err problem = ERR_INIT;
        if (exec_inspect(d, id, &state, &problem) == 0 && !json_flag(state, "Running", false)) {
            if (is_given_up(d, container, id, state))
                return lost(d, spec, "the daemon gave it up", e);
            if (spec->cut)
                *spec->cut = late > LATE_MS || stream_finish(&o->decoder, NULL) < 0;
            *out = take(&state);
            return 0;
        }
        late = clock_ms() - since;
        if (late >= LOST_MS || problem.kind == ERR_NOT_FOUND)
            return lost(d, spec, problem.msg ? err_text(&problem) : "it runs on, unheard", e);
        if (pause_watched(spec->watch, wait, e) < 0)
            return -1;
    }
}

/* dockerd takes the connection over before it tries to start the process. What
 * went wrong is then all its output, one line with the daemon's line end, and the
 * status is the shell's 126 or 127; a script that ends so had a process id. */
static bool was_never_started(const struct output *o, const json_t *state, int code)
{
    return (code == 126 || code == 127) && json_number(state, "Pid", 0) == 0 && text_ends(o->head, "\r\n");
}

static int never_started(const struct exec_spec *spec, const struct output *o, int code, struct err *e)
{
    auto_free char *reason = xstrndup(o->head, strcspn(o->head, "\r\n"));
    auto_free char *shown = text_quote(reason);
    return err_set(e, is_lacking(reason) ? ERR_JOB : ERR_SYSTEM, code,
                   "'%s' cannot be started in the container: %s", spec->argv->items[0], shown);
}

int exec_run(struct engine *d, const char *container, const struct exec_spec *spec, int *code, struct err *e)
{
    auto_free char *id = NULL;
    auto_json *state = NULL;
    struct output o = { STREAM_DECODER_INIT, spec->tty, spec->sink, spec->sink_ctx, "", 0 };
    if (exec_create(d, container, spec, true, &id, e) < 0)
        return -1;
    if (spec->id)
        *spec->id = xstrdup(id);
    if (exec_start(d, id, spec, &o, e) < 0)
        return -1;
    if ((spec->talker ? talker_wait(d, container, id, spec, &o, &state, e) : exec_wait(d, container, id, spec->watch, &state, e)) < 0)
        return -1;

    int64_t status = json_number(state, "ExitCode", -1);
    if (status < 0)
        return err_set(e, ERR_SYSTEM, 0, "the daemon does not say how the process in container '%s' ended",
                       container);
    if (was_never_started(&o, state, (int)status))
        return never_started(spec, &o, (int)status, e);
    *code = (int)status;
    return 0;
}

int exec_resize(struct engine *d, const char *id, const struct exec_size *size, struct err *e)
{
    auto_free char *query = xasprintf("h=%u&w=%u", size->rows, size->columns);
    const struct engine_call c = {
        .what = "resize the terminal of process",
        .name = id,
        .method = "POST",
        .path = "/exec/{}/resize",
        .query = query,
    };
    return engine_call(d, &c, NULL, e);
}

int exec_detached(struct engine *d, const char *container, const struct exec_spec *spec, struct err *e)
{
    auto_free char *id = NULL;
    if (exec_create(d, container, spec, false, &id, e) < 0)
        return -1;
    auto_json *body = json_pack("{s:b, s:b}", "Detach", 1, "Tty", 0);
    auto_free char *path = xasprintf("/exec/%s/start", id);
    const struct engine_call c = {
        .what = "start a process in the container",
        .method = "POST",
        .path = path,
        .body = body,
    };
    return engine_call(d, &c, NULL, e);
}
