#include "executor/services.h"

#include "base/clock.h"
#include "base/number.h"
#include "base/text.h"
#include "engine/container.h"
#include "engine/exec.h"
#include "stages/service.h"
#include "stages/shell.h"

#include <poll.h>
#include <string.h>

/* Between two looks at services that are not ready yet. */
#define FIRST_PAUSE_MS 50
#define LAST_PAUSE_MS  500

/* What has neither a HEALTHCHECK nor a port is taken to be up when it lives this long. */
#define MOMENT_MS 1000

/* The last words of one that is not up. */
#define LAST_LINES 20
#define LAST_BYTES ((size_t)16 << 10)

enum state { STARTING, READY, ENDED };

/* One service while it is waited for. */
struct waiting {
    const struct plan_container *c;
    const char *id;
    enum state state;
    struct strvec addresses; /* ADDRESS:PORT that must answer */
    size_t silent;           /* how many of them do not */
    char *problem;           /* what is missing, or how it ended: "port 5432 does not answer" */
};

struct wait {
    const struct services *s;
    struct waiting *of;
    size_t n;
    int64_t began;
};

static void wait_release(struct wait *w)
{
    for (size_t i = 0; i < w->n; i++) {
        strvec_release(&w->of[i].addresses);
        free(w->of[i].problem);
    }
    free(w->of);
}

int services_fetch(const struct fetch *f, struct plan *plan, struct err *e)
{
    for (size_t i = 0; i < plan->n_services; i++) {
        struct plan_container *c = &plan->services[i];
        auto_free char *alias = text_quote(c->aliases.items[0]);
        auto_json *image = NULL;
        if (host_check_interrupt(f->in, e) < 0)
            return -1;
        if (fetch_image(f, c, &image, e) < 0)
            return err_wrap(e, "service '%s'", alias);
        service_add_image(c, image);
        log_info(f->out, "Using service image %s (%.19s) as %s%s", c->image, json_text(image, "Id"), alias,
                 plan_is_privileged(c) ? ", privileged" : "");
    }
    return 0;
}

/* ---- One look ---- */

static void say(struct waiting *one, enum state state, char *problem)
{
    free(one->problem);
    one->problem = problem;
    one->state = state;
}

static void look_at_ports(const struct wait *w, struct waiting *one, const json_t *container)
{
    const char *address =
        json_text(json_at(container, "NetworkSettings", "Networks", w->s->plan->network), "IPAddress");
    auto_strvec ports = STRVEC_INIT;

    service_ports(container, &ports);
    strvec_release(&one->addresses);
    for (size_t i = 0; i < ports.n; i++)
        strvec_pushf(&one->addresses, "%s:%s", address, ports.items[i]);
    if (ports.n == 0 && clock_ms() - w->began >= MOMENT_MS)
        say(one, READY, NULL);
}

/* One that does its work and ends well, and promises no port, is done: it fills a database, say. */
static void look_at_end(const struct wait *w, struct waiting *one, const json_t *container)
{
    const json_t *state = json_object_get(container, "State");
    long long code = (long long)json_number(state, "ExitCode", -1);
    auto_strvec ports = STRVEC_INIT;
    auto_free char *shown = service_shown(one->c);

    service_ports(container, &ports);
    if (code == 0 && ports.n == 0) {
        log_info(w->s->with->out, "The %s ended with exit code 0.", shown);
        say(one, READY, NULL);
        return;
    }
    say(one, ENDED, xasprintf(json_flag(state, "OOMKilled", false) ? "was killed for want of memory (exit code %lld)"
                                                                   : "ended with exit code %lld", code));
}

static int look_at(const struct wait *w, struct waiting *one, struct err *e)
{
    auto_json *container = NULL;
    auto_err problem = ERR_INIT;

    if (container_inspect(w->s->with->engine, one->id, &container, &problem) < 0) {
        if (problem.kind != ERR_NOT_FOUND)
            return err_move(e, &problem);
        say(one, ENDED, xstrdup("was removed from outside"));
        return 0;
    }
    const json_t *state = json_object_get(container, "State");
    const char *health = json_text(json_object_get(state, "Health"), "Status");
    if (!json_flag(state, "Running", false)) {
        look_at_end(w, one, container);
        return 0;
    }
    if (!*health || strcmp(health, "none") == 0)
        look_at_ports(w, one, container);
    else if (strcmp(health, "healthy") == 0)
        say(one, READY, NULL);
    else
        say(one, STARTING, xasprintf("its HEALTHCHECK says '%s'", health));
    return 0;
}

static int keep_output(void *ctx, enum stream_kind kind, const char *data, size_t len, struct err *e)
{
    if (kind == STREAM_STDOUT && strbuf_add(ctx, data, len) < 0)
        return err_set(e, ERR_SYSTEM, 0, "the helper container says more than was asked");
    return 0;
}

/* "port 80 does not answer", "ports 80, 443 do not answer" */
static void judge_ports(struct waiting *one, const char *unanswered)
{
    auto_strvec answering = STRVEC_INIT;
    auto_strvec silent = STRVEC_INIT;
    auto_strvec ports = STRVEC_INIT;

    for (size_t i = 0; i < one->addresses.n; i++) {
        auto_free char *line = xasprintf("%s\n", one->addresses.items[i]);
        strvec_push(strstr(unanswered, line) ? &silent : &answering, strrchr(one->addresses.items[i], ':') + 1);
    }
    for (size_t i = 0; i < silent.n; i++)
        if (!service_port_is_spared(silent.items[i], &answering))
            strvec_push(&ports, silent.items[i]);
    one->silent = ports.n;
    auto_free char *list = strvec_join(&ports, ", ");
    if (ports.n == 0)
        say(one, READY, NULL);
    else
        say(one, STARTING, xasprintf(ports.n == 1 ? "port %s does not answer" : "ports %s do not answer", list));
}

/* All ports of all services that still have to answer, by one process in the job's network. */
static int ask_ports(const struct wait *w, struct err *e)
{
    const struct fetch *with = w->s->with;
    const struct engine_watch watch = host_watch(with->in);
    const char *const words[] = { "sh", "-c", shell_unanswered, "atelier" };
    auto_strvec argv = STRVEC_INIT;
    auto_strbuf silent = STRBUF_INIT((size_t)1 << 20);
    int code = 0;

    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        strvec_push(&argv, words[i]);
    for (size_t i = 0; i < w->n; i++)
        if (w->of[i].state == STARTING)
            strvec_push_all(&argv, &w->of[i].addresses);
    if (argv.n == ARRAY_SIZE(words))
        return 0;
    const struct exec_spec spec = { .argv = &argv, .sink = keep_output, .sink_ctx = &silent, .watch = &watch };
    if (exec_run(with->engine, w->s->helper, &spec, &code, e) < 0)
        return err_wrap(e, "ask the services' ports");
    for (size_t i = 0; i < w->n; i++)
        if (w->of[i].state == STARTING && w->of[i].addresses.n > 0)
            judge_ports(&w->of[i], strbuf_text(&silent));
    return 0;
}

/* ---- The wait ---- */

static size_t count(const struct wait *w, enum state state)
{
    size_t n = 0;

    for (size_t i = 0; i < w->n; i++)
        n += w->of[i].state == state;
    return n;
}

static int look_at_all(const struct wait *w, struct err *e)
{
    for (size_t i = 0; i < w->n; i++)
        if (w->of[i].state == STARTING && look_at(w, &w->of[i], e) < 0)
            return -1;
    return ask_ports(w, e);
}

/* Until all are ready, or no hope is left, or the time is up. */
static int wait_for_all(const struct wait *w, struct err *e)
{
    const struct invocation *in = w->s->with->in;
    const struct config_services *config = &w->s->with->host->config.services;

    for (int pause = FIRST_PAUSE_MS;; pause = pause * 2 < LAST_PAUSE_MS ? pause * 2 : LAST_PAUSE_MS) {
        if (host_check_interrupt(in, e) < 0 || look_at_all(w, e) < 0)
            return -1;
        if (count(w, STARTING) == 0 || (count(w, ENDED) > 0 && config->on_unready == UNREADY_FAIL))
            return 0;
        if (clock_ms() - w->began >= config->wait_ms)
            return 0;
        struct pollfd wake = { .fd = in->interrupt_fd, .events = POLLIN };
        (void)poll(&wake, 1, pause);
    }
}

/* ---- What came of it ---- */

/* By which a program says that it is not privileged, as docker:dind does. */
static const char *const unprivileged_words[] = { "are you root?", "--privileged" };

static void explain_privileges(const struct wait *w, const struct waiting *one, const char *last_words)
{
    auto_free char *shown = service_shown(one->c);

    for (size_t i = 0; i < ARRAY_SIZE(unprivileged_words) && !plan_is_privileged(one->c); i++)
        if (strstr(last_words, unprivileged_words[i])) {
            log_info(w->s->with->out, "%s has no privileges: on this host an owner gives them by kinds: %s: "
                     "privileged_services", shown, kind_name(w->s->plan->kind));
            return;
        }
}

static void show_last_words(const struct wait *w, const struct waiting *one)
{
    auto_free char *text = NULL;
    auto_free char *shown = service_shown(one->c);
    auto_free char *alias = text_quote(one->c->aliases.items[0]);

    if (container_logs(w->s->with->engine, one->id, LAST_LINES, LAST_BYTES, &text, NULL) < 0 || !*text) {
        log_info(w->s->with->out, "The log of %s is empty.", shown);
        return;
    }
    log_info(w->s->with->out, "The last words of %s:", shown);
    for (const char *line = text; *line;) {
        size_t len = strcspn(line, "\n");
        auto_free char *one_line = xstrndup(line, len);
        auto_strbuf visible = STRBUF_TEXT;
        text_visible(&visible, one_line, LAST_BYTES);
        log_info(w->s->with->out, "[service:%s] %s", alias, strbuf_text(&visible));
        line += len + (line[len] == '\n');
    }
    explain_privileges(w, one, text);
}

/* The sentence about one that is not up. */
static char *complaint(const struct wait *w, const struct waiting *one)
{
    auto_free char *shown = service_shown(one->c);
    char time[32];

    if (one->state == ENDED)
        return xasprintf("%s %s before it was ready", shown, one->problem);
    duration_format(w->s->with->host->config.services.wait_ms, time, sizeof(time));
    return xasprintf("%s was not ready within %s: %s", shown, time, one->problem ? one->problem : "it only just began");
}

static bool answers_partly(const struct waiting *one)
{
    return one->state == STARTING && one->silent < one->addresses.n;
}

static int report(const struct wait *w, struct err *e)
{
    const struct fetch *with = w->s->with;
    bool fails = with->host->config.services.on_unready == UNREADY_FAIL;
    auto_strvec complaints = STRVEC_INIT;
    bool given_up = fails && count(w, ENDED) > 0; /* what was still starting had not had its time */

    for (size_t i = 0; i < w->n; i++) {
        const struct waiting *one = &w->of[i];
        if (one->state == READY || (given_up && one->state == STARTING))
            continue;
        auto_free char *text = complaint(w, one);
        if (answers_partly(one)) {
            log_warning(&with->in->log, "%s; going on, since others do. Its variable HEALTHCHECK_TCP_PORT names those "
                        "to wait for", text);
            continue;
        }
        show_last_words(w, one);
        if (!fails)
            log_warning(&with->in->log, "%s; going on all the same (services: on_unready: warn)", text);
        strvec_push(&complaints, text);
    }
    if (complaints.n == 0 || !fails)
        return 0;
    auto_free char *all = strvec_join(&complaints, "; ");
    return err_set(e, ERR_JOB, 0, "%s", all);
}

int services_wait(const struct services *s, struct err *e)
{
    const struct config_services *config = &s->with->host->config.services;
    __attribute__((cleanup(wait_release))) struct wait w = { .s = s, .began = clock_ms() };

    if (s->plan->n_services == 0 || config->wait_ms == 0)
        return 0;
    w.n = s->plan->n_services;
    w.of = xcalloc(w.n, sizeof(*w.of));
    for (size_t i = 0; i < w.n; i++)
        w.of[i] = (struct waiting){ .c = &s->plan->services[i], .id = s->ids[i] };
    log_info(s->with->out, "Waiting for services to be up and running (timeout %lld seconds)...",
             (long long)(config->wait_ms + 999) / 1000);
    if (wait_for_all(&w, e) < 0)
        return -1;
    return report(&w, e);
}
