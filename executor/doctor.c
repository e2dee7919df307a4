#include "executor/doctor.h"

#include "base/file.h"
#include "base/interrupt.h"

#include <stdarg.h>
#include <unistd.h>

/* In this order: the later ones use what the earlier ones found. */
static const struct {
    const char *name;
    check_fn *run;
} checks[] = {
    { "configuration", doctor_config }, /* reads the configuration */
    { "docker", doctor_daemon },        /* connects, asks for /info */
    { "storage", doctor_storage },
    { "limits", doctor_limits },
    { "images", doctor_images },
    { "folders", doctor_folders },
    { "disk", doctor_disk },
    { "cache", doctor_cache },
    { "standby", doctor_standby },
    { "leftovers", doctor_leftovers },
    { "runner", doctor_runner },
};

static const struct {
    const char *word;
    const char *colour;
} styles[VERDICTS] = {
    [VERDICT_OK] = { "ok", "\033[32m" },
    [VERDICT_SKIPPED] = { "skipped", "\033[2m" },
    [VERDICT_WARNING] = { "warning", "\033[33m" },
    [VERDICT_PROBLEM] = { "problem", "\033[31;1m" },
};

enum { WORD_WIDTH = 7, NAME_WIDTH = 13 };

void doctor_say(struct doctor *d, enum verdict verdict, const char *fix, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    auto_free char *text = xvasprintf(fmt, ap);
    va_end(ap);

    d->counts[verdict]++;
    strbuf_printf(&d->out, "%s%-*s%s  %-*s  %s\n", d->colour ? styles[verdict].colour : "", WORD_WIDTH,
                  styles[verdict].word, d->colour ? "\033[m" : "", NAME_WIDTH, d->topic, text);
    if (fix)
        strbuf_printf(&d->out, "%-*s  %-*s  type: %s\n", WORD_WIDTH, "", NAME_WIDTH, "", fix);
}

static void doctor_release(struct doctor *d)
{
    config_release(&d->config);
    engine_close(d->engine);
    json_decref(d->info);
    strbuf_release(&d->out);
}

int command_doctor(const struct invocation *in, struct err *e)
{
    __attribute__((cleanup(doctor_release))) struct doctor d = {
        .in = in, .colour = isatty(STDOUT_FILENO) && !env_get(in->env, "NO_COLOR"), .out = STRBUF_TEXT
    };

    interrupt_default();
    for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
        d.topic = checks[i].name;
        checks[i].run(&d);
    }
    strbuf_printf(&d.out, "\n%u ok, %u skipped, %u warning%s, %u problem%s\n", d.counts[VERDICT_OK],
                  d.counts[VERDICT_SKIPPED], d.counts[VERDICT_WARNING], d.counts[VERDICT_WARNING] == 1 ? "" : "s",
                  d.counts[VERDICT_PROBLEM], d.counts[VERDICT_PROBLEM] == 1 ? "" : "s");
    if (fd_write(STDOUT_FILENO, strbuf_text(&d.out), d.out.len, e) < 0)
        return -1;
    return d.counts[VERDICT_PROBLEM] ? 1 : 0;
}
