#include "executor/service_logs.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "engine/container.h"
#include "engine/logs.h"
#include "stages/service_log.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

/* What was said just before the end has to pass the daemon. */
#define SETTLE_MS 100
/* For showing what is left, so that one who says more than can be shown holds no hook up: the next one goes on there. */
#define REST_MS 3000
/* From the hook's end to ours, whatever the daemon does, and whoever reads the job log. */
#define STOP_MS ((int64_t)15000)

#define STATE_NAME "atelier-services.json"
#define STATE_MAX  ((size_t)1 << 20)

/* All services of the job, in a process of their own. */
struct follower {
    const struct host *host;
    const struct invocation *in;
    int stop_fd;
    int64_t deadline; /* clock_ms() */
    json_t *list; /* the daemon's description of the containers */
    struct service_log *of;
    struct shown *shown;
    size_t n;
};

/* Where one service's messages go. */
struct shown {
    struct service_log *log;
    const struct log *to;
};

static int show(void *ctx, enum stream_kind kind, const char *text, size_t len, struct err *e)
{
    const struct shown *s = ctx;
    auto_strbuf line = STRBUF_TEXT;

    service_log_line(s->log, kind, text, len, s->to->colour, &line);
    return fd_write(s->to->fd, strbuf_text(&line), line.len, e);
}

/* ---- Between two hooks ---- */

/* NULL where nobody gave us a folder: then each hook shows all again. */
static char *state_path(const struct follower *f)
{
    const char *folder = env_get(f->in->env, "TMPDIR");

    return folder ? xasprintf("%s/" STATE_NAME, folder) : NULL;
}

static void load(struct follower *f)
{
    auto_free char *path = state_path(f);
    auto_free char *text = NULL;
    auto_json *all = NULL;
    size_t len = 0;

    if (path && file_read(path, STATE_MAX, &text, &len, NULL) == 0)
        (void)json_parse(text, len, STATE_NAME, &all, NULL);
    for (size_t i = 0; i < f->n; i++)
        service_log_load(&f->of[i], all);
}

static int save(const struct follower *f, struct err *e)
{
    auto_free char *path = state_path(f);
    auto_json *all = json_object();

    for (size_t i = 0; i < f->n; i++)
        service_log_save(&f->of[i], all);
    auto_free char *text = json_compact(all);
    return path ? file_write(path, text, strlen(text), 0600, e) : 0;
}

/* ---- One hook ---- */

static int find(struct follower *f, struct engine *d, struct err *e)
{
    auto_strvec labels = STRVEC_INIT;

    place_filter(&f->host->place, &labels);
    strvec_push(&labels, LABEL_ROLE "=service");
    if (container_list(d, &labels, &f->list, e) < 0)
        return -1;
    f->n = json_array_size(f->list);
    f->of = xcalloc(f->n + 1, sizeof(*f->of));
    f->shown = xcalloc(f->n + 1, sizeof(*f->shown));
    for (size_t i = 0; i < f->n; i++) {
        const json_t *one = json_array_get(f->list, i);
        f->of[i].id = json_text(one, "Id");
        f->of[i].name = json_text(json_object_get(one, "Labels"), LABEL_ALIASES);
        f->shown[i] = (struct shown){ &f->of[i], &f->in->log };
    }
    return 0;
}

static void follower_release(struct follower *f)
{
    json_decref(f->list);
    free(f->of);
    free(f->shown);
}

static int read_all(struct follower *f, struct engine *d, bool follow, const struct engine_watch *watch, struct err *e)
{
    auto_free struct logs *logs = xcalloc(f->n + 1, sizeof(*logs));
    auto_free struct err *errs = xcalloc(f->n + 1, sizeof(*errs));
    auto_strvec since = STRVEC_INIT;

    for (size_t i = 0; i < f->n; i++) {
        char *from = service_log_begin(&f->of[i]);
        logs[i] = (struct logs){ f->of[i].id, from, show, &f->shown[i] };
        strvec_give(&since, from ? from : xstrdup(""));
    }
    int rc = logs_read_all(d, logs, f->n, follow, watch, errs);
    for (size_t i = 0; i < f->n; i++) {
        /* One that was removed from outside, or is just being, says nothing more. */
        if (errs[i].msg && errs[i].kind != ERR_NOT_FOUND && errs[i].kind != ERR_CONFLICT && errs[i].kind != ERR_CANCELLED)
            (void)err_move(e, &errs[i]);
        err_release(&errs[i]);
    }
    return rc < 0 && err_text(e)[0] ? -1 : 0;
}

static int end_when_told(void *ctx, int64_t *next_ms, struct err *e)
{
    const struct follower *f = ctx;
    struct pollfd told = { .fd = f->stop_fd, .events = POLLIN };

    *next_ms = -1;
    return poll(&told, 1, 0) > 0 ? err_set(e, ERR_CANCELLED, 0, "told to stop") : 0;
}

static int end_in_time(void *ctx, int64_t *next_ms, struct err *e)
{
    const struct follower *f = ctx;

    *next_ms = f->deadline - clock_ms();
    return *next_ms > 0 ? 0 : err_set(e, ERR_CANCELLED, ETIMEDOUT, "there is too much of it");
}

/* Follow until we are told to end. Then ask once more without following: that answer ends by itself when all has been
 * read, and also has what a connection that broke did not bring. */
static int follow(struct follower *f, struct err *e)
{
    const struct engine_watch told = { end_when_told, f, f->stop_fd };
    const struct engine_watch timed = { end_in_time, f, -1 };
    struct pollfd stop = { .fd = f->stop_fd, .events = POLLIN };
    auto_engine *d = NULL;
    auto_err ended = ERR_INIT;

    if (host_connect(f->host, f->in, &d, e) < 0 || find(f, d, e) < 0)
        return -1;
    load(f);
    (void)read_all(f, d, true, &told, &ended);
    (void)poll(&stop, 1, -1);
    (void)poll(NULL, 0, SETTLE_MS);
    f->deadline = clock_ms() + REST_MS;
    int rc = read_all(f, d, false, &timed, e);
    return save(f, rc < 0 ? NULL : e) < 0 ? -1 : rc;
}

static int run(void *ctx, int stop_fd)
{
    __attribute__((cleanup(follower_release))) struct follower f = *(const struct follower *)ctx;
    auto_err e = ERR_INIT;

    f.stop_fd = stop_fd;
    if (follow(&f, &e) == 0)
        return 0;
    log_warning(&f.in->log, "CI_DEBUG_SERVICES: %s; some of the services' output is not shown", err_text(&e));
    return 1;
}

void service_logs_start(const struct host *h, const struct invocation *in, struct process *p)
{
    struct follower f = { .host = h, .in = in };
    auto_err e = ERR_INIT;

    if (h->job.n_services == 0 || service_log_asked(in->env) != 1)
        return;
    if (process_fork(run, &f, p, &e) < 0)
        log_warning(&in->log, "CI_DEBUG_SERVICES: %s; the services' output is not shown", err_text(&e));
}

void service_logs_stop(struct process *p)
{
    process_stop(p, STOP_MS);
}
