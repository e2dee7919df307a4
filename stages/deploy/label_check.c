#include "stages/deploy/label_check.h"

#include "base/text.h"
#include "stages/deploy/container_body.h"
#include "stages/deploy/cron_schedule.h"
#include "stages/deploy/routing.h"
#include "stages/deploy/routing_domain.h"
#include "stages/deploy/routing_given.h"

#include <stdarg.h>
#include <string.h>

/* One service, and where its problems go. */
struct check {
    const char *file;
    const struct compose_service *service;
    const struct target *target;
    struct strvec *problems;
};

static void problem(const struct check *c, int line, const char *fmt, ...) PRINTF_LIKE(3, 4);
static void problem(const struct check *c, int line, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    auto_free char *text = xvasprintf(fmt, ap);
    va_end(ap);
    strvec_pushf(c->problems, "%s:%d: service '%s': %s", c->file, line, c->service->name, text);
}

/* ---- Cron jobs ---- */

/* 0: there is no such label. */
static int line_of(const struct compose_service *s, const char *key)
{
    size_t len = strlen(key);

    for (size_t i = 0; i < s->labels.n; i++)
        if (strncmp(s->labels.items[i], key, len) == 0 && s->labels.items[i][len] == '=')
            return s->label_lines[i];
    return 0;
}

static void check_schedule(const struct check *c, int line)
{
    struct cron_schedule parsed;
    auto_err e = ERR_INIT;

    if (cron_parse(strvec_env(&c->service->labels, CRON_SCHEDULE), &parsed, &e) < 0)
        problem(c, line, "label " CRON_SCHEDULE ": %s", err_text(&e));
}

static void check_cron(const struct check *c)
{
    static const char without[] = "label %s is there without %s; a cron job has both";
    const struct compose_service *s = c->service;
    int schedule = line_of(s, CRON_SCHEDULE), command = line_of(s, CRON_COMMAND);

    if (schedule)
        check_schedule(c, schedule);
    if (schedule && !command && !s->labels_unset)
        problem(c, schedule, without, CRON_SCHEDULE, CRON_COMMAND);
    if (command && !schedule && !s->labels_unset)
        problem(c, command, without, CRON_COMMAND, CRON_SCHEDULE);
    if (command && !strvec_env(&s->labels, CRON_COMMAND)[0])
        problem(c, command, "label " CRON_COMMAND " is empty; write what `bash -c` is to run");
    if (schedule && command && service_kind(s, c->target) != SERVICE_CRON)
        problem(c, schedule, "it has the labels of a cron job, and would run as a service all the same; write "
                "`command: /bin/false` and `restart: \"no\"`");
}

/* ---- Routes ---- */

/* Errors of routing begin with the label that they are about, unless it is one that is missing. */
static int line_of_error(const struct compose_service *s, const char *text)
{
    size_t best = 0;
    int line = s->line;

    for (size_t i = s->labels.n; i-- > 0;) {
        size_t len = strcspn(s->labels.items[i], "=");
        if (strncmp(text, s->labels.items[i], len) == 0 && len > best) {
            best = len;
            line = s->label_lines[i];
        } else if (best == 0 && text_starts(s->labels.items[i], "traefik.")) {
            line = s->label_lines[i];
        }
    }
    return line;
}

static void check_routes(const struct check *c)
{
    auto_strvec ignored = STRVEC_INIT;
    auto_err e = ERR_INIT;
    bool routed = false;
    const struct routing_from from = {
        .labels = &c->service->labels,
        .name = c->service->name,
        .unit = "",
        .to = c->target->routing,
        .target = c->target,
        .generation = 1,
    };

    int rc = c->service->labels_unset ? routing_check_part(&from, &e) : routing_labels(&from, &ignored, &routed, &e);
    if (rc == 0 && (routed || from.to == ROUTING_NONE)) /* a proxy that is none of ours reads them as they are */
        rc = routing_domains_check(&from, &e);
    if (rc < 0)
        problem(c, line_of_error(c->service, err_text(&e)), "%s", err_text(&e));
}

/* ---- All of them ---- */

/* A proxy that reads what the service has. */
static enum routing some_proxy(const struct compose_service *s)
{
    for (size_t i = 0; i < s->labels.n; i++)
        if (routing_is_given(s->labels.items[i]))
            return ROUTING_TRAEFIK3;
    return ROUTING_TRAEFIK1;
}

int labels_check(const char *file, const struct compose *c, const struct target *target, struct strvec *problems,
                 struct err *e)
{
    size_t before = problems->n;

    for (size_t i = 0; i < c->n; i++) {
        const struct target some = { .routing = some_proxy(&c->services[i]) };
        const struct check check = { file, &c->services[i], target ? target : &some, problems };
        enum service_kind kind = service_kind(check.service, check.target);
        if (kind != SERVICE_MANAGED && kind != SERVICE_EXTERNAL)
            check_cron(&check);
        if (kind == SERVICE_PLAIN)
            check_routes(&check);
    }
    if (problems->n == before)
        return 0;
    return err_set(e, ERR_JOB, 0, "%s", problems->items[before]);
}
