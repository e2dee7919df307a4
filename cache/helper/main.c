/* cache/helper/main.c: `gitlab-runner COMMAND` in the helper container. */
#include "base/file.h"
#include "base/interrupt.h"
#include "base/text.h"
#include "cache/archive/format.h"
#include "cache/helper/helper.h"

#include <curl/curl.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

extern char **environ;

static const struct helper_command *const commands[] = {
    &artifacts_downloader, &artifacts_uploader, &cache_archiver, &cache_extractor, &cache_init, &cache_verify, &health_check,
    &proxy_exec, &read_logs,
};

/* Before the command: of all programs of this family (contract 3.1). Those that only say how to log are read and left. */
struct global {
    bool debug, help, h, version, v;
    const char *log_format, *log_level, *l, *cpuprofile;
};

#define G(member) offsetof(struct global, member)

static const struct flag global_flags[] = {
    { "debug", "RUNNER_DEBUG", NULL, FLAG_SWITCH, G(debug), "say more" },
    { "log-format", "LOG_FORMAT", NULL, FLAG_TEXT, G(log_format), "has no effect" },
    { "log-level", "LOG_LEVEL", NULL, FLAG_TEXT, G(log_level), "debug says more" },
    { "l", NULL, NULL, FLAG_TEXT, G(l), "the same" },
    { "cpuprofile", "CPU_PROFILE", NULL, FLAG_TEXT, G(cpuprofile), "has no effect" },
    { "help", NULL, NULL, FLAG_SWITCH, G(help), "print this and exit" },
    { "h", NULL, NULL, FLAG_SWITCH, G(h), "the same" },
    { "version", NULL, NULL, FLAG_SWITCH, G(version), "print versions and exit" },
    { "v", NULL, NULL, FLAG_SWITCH, G(v), "the same" },
    { NULL, NULL, NULL, FLAG_TEXT, 0, NULL },
};

static int print(const struct strbuf *text)
{
    return fd_write(STDOUT_FILENO, text->data, text->len, NULL) < 0 ? 1 : 0;
}

static int print_help(void)
{
    auto_strbuf out = STRBUF_TEXT;

    strbuf_puts(&out, "Usage: gitlab-runner [OPTION]... COMMAND [OPTION]...\n"
                      "Caches and artifacts of GitLab jobs, for the scripts that gitlab-runner writes.\n\nCommands:\n");
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
        if (commands[i]->summary)
            strbuf_printf(&out, "  %-22s %s\n", commands[i]->name, commands[i]->summary);
    strbuf_puts(&out, "\nOptions:\n");
    flags_help(global_flags, &out);
    return print(&out);
}

static int print_command_help(const struct helper_command *c)
{
    auto_strbuf out = STRBUF_TEXT;

    strbuf_printf(&out, "Usage: gitlab-runner %s [OPTION]...\n%s.\n\nOptions (each may come from the variable in brackets):\n",
                  c->name, c->summary ? c->summary : "For atelier itself");
    flags_help(c->flags, &out);
    return print(&out);
}

static int print_version(void)
{
    auto_strbuf out = STRBUF_TEXT;
    auto_free char *abilities = archive_abilities();
    struct utsname host;

    strbuf_printf(&out, "Version:      %s (atelier-helper)\n", ATELIER_VERSION);
    if (uname(&host) == 0)
        strbuf_printf(&out, "OS/Arch:      linux/%s\n", strcmp(host.machine, "x86_64") == 0 ? "amd64" : host.machine);
    strbuf_printf(&out, "Libraries:    %s, %s\n", abilities, curl_version());
    return print(&out);
}

/* libcurl reads the lower-case name alone, for fear of CGI's variables; Go, and so every runner's owner, both. */
static void take_proxy(void)
{
    const char *proxy = getenv("HTTP_PROXY");

    if (proxy && !getenv("http_proxy"))
        (void)setenv("http_proxy", proxy, 0);
}

static const struct helper_command *find(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}

static int run(struct helper *h, const struct helper_command *c, char *const *argv, struct err *e)
{
    auto_free void *options = xcalloc(1, c->options);
    int rc = flags_parse(c->flags, argv, h->env, &h->report, options, e);

    if (rc >= 0) {
        h->args = argv + rc;
        h->interrupt_fd = interrupt_open(e);
        rc = h->interrupt_fd < 0 ? -1 : c->run(h, options, e);
    }
    flags_release(c->flags, options);
    return rc;
}

static int unknown_command(const struct helper *h, const char *name)
{
    auto_free char *shown = text_quote(name);

    report_fatal(&h->report, NULL, "Command %s not found: this helper (%s) knows those that scripts of the runner call",
                 shown, ATELIER_VERSION);
    return 1;
}

static bool wants_debug(const char *level)
{
    return level && strcasecmp(level, "debug") == 0;
}

int main(int argc, char **argv)
{
    take_proxy();

    auto_err e = ERR_INIT;
    struct global global = { 0 };
    struct helper h = {
        .report = { .fd = STDERR_FILENO, .colour = report_wants_colour(STDERR_FILENO, environ) },
        .env = environ,
        .interrupt_fd = -1,
    };

    int n = flags_parse(global_flags, argv + (argc > 0), environ, &h.report, &global, &e);
    char *const *rest = argv + (argc > 0) + (n > 0 ? n : 0);
    h.report.debug = global.debug || wants_debug(global.log_level) || wants_debug(global.l);
    if (n >= 0 && (global.version || global.v))
        return print_version();
    if (n >= 0 && (global.help || global.h || !*rest || strcmp(*rest, "help") == 0))
        return print_help();
    const struct helper_command *c = n >= 0 ? find(*rest) : NULL;
    if (n >= 0 && !c)
        return unknown_command(&h, *rest);
    if (c && rest[1] && text_is_any(rest[1], (const char *const[]){ "--help", "-h", "-help", NULL }))
        return print_command_help(c);
    int status = c ? run(&h, c, rest + 1, &e) : -1;
    if (status >= 0)
        return status;
    report_fatal(&h.report, NULL, "%s", err_text(&e));
    return 1;
}
