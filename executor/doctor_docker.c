/* executor/doctor_docker.c: what the daemon tells of a host. */
#include "executor/doctor.h"

#include "base/text.h"
#include "engine/image.h"
#include "executor/cleaning.h"
#include "executor/garbage.h"
#include "executor/kept.h"
#include "executor/standby_record.h"

#include <errno.h>
#include <string.h>
#include <time.h>

static void skip(struct doctor *d)
{
    doctor_say(d, VERDICT_SKIPPED, NULL, "Docker cannot be asked");
}

/* What helps against the reason for which a daemon cannot be reached. */
static const struct {
    int error;
    const char *fix;
} fixes[] = {
    { ENOENT, "systemctl start docker" },
    { ECONNREFUSED, "systemctl start docker" },
    { EACCES, "usermod -aG docker \"$USER\" (as root), and log in again" },
};

void doctor_daemon(struct doctor *d)
{
    struct engine_endpoint endpoint;
    auto_err e = ERR_INIT;
    const char *fix = "docker info";

    config_endpoint(&d->config, d->in->env, &endpoint);
    if (engine_open(&endpoint, &d->engine, &e) == 0 && engine_info(d->engine, &d->info, &e) == 0) {
        auto_free char *version = text_quote(json_text(d->info, "ServerVersion"));
        doctor_say(d, VERDICT_OK, NULL, "%s answers: Docker %s, API %s; user %u may use it", engine_host(d->engine),
                   version, engine_version(d->engine), (unsigned)geteuid());
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(fixes); i++)
        if (fixes[i].error == e.code)
            fix = fixes[i].fix;
    doctor_say(d, VERDICT_PROBLEM, fix, "%s", err_text(&e));
}

/* Drivers that copy whole layers, or that Docker itself has given up. Its old "overlay" is not among them:
 * Podman calls overlay2 so. */
static const char *const poor_drivers[] = { "vfs", "devicemapper", "aufs", NULL };

void doctor_storage(struct doctor *d)
{
    if (!d->info)
        return skip(d);
    auto_free char *driver = text_quote(json_text(d->info, "Driver"));
    if (text_is_any(driver, poor_drivers))
        doctor_say(d, VERDICT_WARNING, "put {\"storage-driver\": \"overlay2\"} into /etc/docker/daemon.json",
                   "storage driver '%s' is slow or abandoned; images must be made again after a change", driver);
    else
        doctor_say(d, VERDICT_OK, NULL, "storage driver '%s'", driver);
}

/* The daemon itself warns of what its kernel or its configuration lacks. */
void doctor_limits(struct doctor *d)
{
    if (!d->info)
        return skip(d);
    const json_t *warnings = json_object_get(d->info, "Warnings");
    size_t i, n = json_array_size(warnings);
    const json_t *warning;
    json_array_foreach(warnings, i, warning) {
        const char *text = json_string_value(warning);
        text = text && text_starts(text, "WARNING: ") ? text + strlen("WARNING: ") : text;
        auto_free char *line = xstrndup(text ? text : "", strcspn(text ? text : "", "\n"));
        auto_free char *shown = text_quote(line);
        const char *fix = strstr(line, "swap limit")
                              ? "add swapaccount=1 to the kernel's command line (GRUB_CMDLINE_LINUX), and reboot"
                              : "docker info";
        doctor_say(d, VERDICT_WARNING, fix, "Docker says: %s", shown);
    }
    if (n == 0)
        doctor_say(d, VERDICT_OK, NULL, "Docker warns of nothing: memory, CPUs and processes can be limited");
}

#define HELPER_IMAGE "atelier/helper:"

static void check_helper(struct doctor *d)
{
    const char *name = d->config.helper_image;
    auto_free char *shown = text_quote(name);
    auto_json *image = NULL;
    auto_err e = ERR_INIT;

    if (image_inspect(d->engine, name, &image, &e) < 0)
        doctor_say(d, VERDICT_PROBLEM, "sh packaging/images/make helper", "helper image: %s", err_text(&e));
    else if (text_starts(name, HELPER_IMAGE) && strcmp(name, HELPER_IMAGE ATELIER_VERSION) != 0)
        doctor_say(d, VERDICT_WARNING, "take helper_image out of the configuration",
                   "helper image '%s' is not the one of this version, " ATELIER_VERSION, shown);
    else
        doctor_say(d, VERDICT_OK, NULL, "helper image '%s' is here", shown);
}

/* Jobs may all name their own, and a pull may bring it: so it is no problem when it is missing. */
static void check_default(struct doctor *d)
{
    const char *name = d->config.image;
    auto_free char *shown = text_quote(name);
    auto_free char *pull = xasprintf("docker pull %s", shown);
    auto_json *image = NULL;
    auto_err e = ERR_INIT;

    if (image_inspect(d->engine, name, &image, &e) < 0)
        doctor_say(d, VERDICT_WARNING, text_starts(name, "atelier/ci:") ? "sh packaging/images/make ci" : pull,
                   "image of jobs that name none: %s", err_text(&e));
    else
        doctor_say(d, VERDICT_OK, NULL, "image of jobs that name none: '%s' is here", shown);
}

void doctor_images(struct doctor *d)
{
    if (!d->engine)
        return skip(d);
    check_helper(d);
    check_default(d);
}

/* They are there because the configuration wants them. */
static void say_kept(struct doctor *d, const struct garbage *g)
{
    for (size_t i = 0; i < g->n; i++) {
        auto_strbuf line = STRBUF_TEXT;
        if (!g->things[i].kept || g->things[i].garbage)
            continue;
        kept_describe(&g->things[i], &line);
        auto_free char *text = xstrndup(strbuf_text(&line), line.len - 1);
        doctor_say(d, VERDICT_OK, NULL, "%s", text);
    }
}

void doctor_leftovers(struct doctor *d)
{
    auto_strvec abandoned = STRVEC_INIT;
    auto_standby_records standby = { .waiting = STRVEC_INIT };
    struct garbage_rule rule = { .now = (int64_t)time(NULL), .older_than = GARBAGE_BY_LABEL, .abandoned = &abandoned };
    auto_garbage g = { 0 };
    auto_err e = ERR_INIT;
    static const struct strvec all = STRVEC_INIT;

    if (!d->engine)
        return skip(d);
    cleaning_list_abandoned(&d->config, &abandoned);
    standby_records_list(&d->config, &standby);
    rule.late = standby.dates;
    rule.n_late = standby.taken.n;
    if (abandoned.n > 0)
        doctor_say(d, VERDICT_WARNING, "atelier gc", "%zu jobs' cleanup did not come to its end; '%s/.cleanup' has the reasons",
                   abandoned.n, d->config.builds);
    if (garbage_find(d->engine, &all, &rule, &g, &e) < 0)
        doctor_say(d, VERDICT_PROBLEM, "docker info", "%s", err_text(&e));
    else if (g.n_garbage > 0)
        doctor_say(d, VERDICT_WARNING, "atelier gc",
                   "%zu containers, networks and volumes are left of jobs whose time is over", g.n_garbage);
    else
        doctor_say(d, VERDICT_OK, NULL, "nothing is left of jobs whose time is over");
    say_kept(d, &g);
}
