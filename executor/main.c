/* executor/main.c: from the command line to a command, and from an error to an exit status. */
#include "base/file.h"
#include "base/http.h"
#include "base/interrupt.h"
#include "base/number.h"
#include "base/strvec.h"
#include "executor/command.h"
#include "executor/option.h"
#include "executor/trace.h"

#include <jansson.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include <yaml.h>

extern char **environ;

static int exit_code_from(const char *variable, int otherwise)
{
    int64_t code = otherwise;
    const char *text = getenv(variable);

    if (text)
        (void)number_parse(text, 1, 255, &code);
    return (int)code;
}

static const char *not_empty(const char *text)
{
    return text && *text ? text : NULL;
}

/* Only what the job's author can mend is the build's failure: it is not tried
 * again. Everything else is the system's, which gitlab-runner retries in prepare. */
static int exit_status(const struct command *c, const struct invocation *in, const struct err *e)
{
    if (c && c->hook)
        return e->kind == ERR_JOB ? in->build_failure : in->system_failure;
    return e->kind == ERR_JOB ? 1 : 2;
}

static int print(const char *text)
{
    return fd_write(STDOUT_FILENO, text, strlen(text), NULL) < 0 ? 2 : 0;
}

static int print_help(const struct command *c)
{
    auto_strbuf out = STRBUF_TEXT;

    command_help(c, &out);
    return print(strbuf_text(&out));
}

static int print_version(void)
{
    auto_strbuf out = STRBUF_TEXT;
    auto_free char *curl = http_library_version();

    strbuf_printf(&out, "atelier %s\n%s\njansson %s\nlibyaml %s\n", ATELIER_VERSION, curl,
                  jansson_version_str(), yaml_get_version_string());
    return print(strbuf_text(&out));
}

/* Hooks are started with a folder of their own as the current one, so a relative
 * name would not lead back to us. */
static char *own_path(const char *argv0)
{
    char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

    if (n <= 0)
        return xstrdup(argv0);
    path[n] = '\0';
    return xstrdup(path);
}

static int run(const struct command *c, struct invocation *in, struct err *e)
{
    in->interrupt_fd = interrupt_open(e);
    if (in->interrupt_fd < 0)
        return -1;
    return c->run(in, e);
}

/* gitlab-runner waits for each hook: what it waited for is written down. */
static int run_hook(const struct command *c, struct invocation *in, struct err *e)
{
    struct trace trace = { 0 };

    trace_begin(&trace);
    in->trace = in->dry_run ? NULL : &trace;
    int status = run(c, in, e);
    trace_end(&trace, c->name, c->max_args == 2 ? in->args[1] : "", status < 0 ? exit_status(c, in, e) : status);
    in->trace = NULL;
    return status;
}

static int perform(int argc, char **argv)
{
    auto_err e = ERR_INIT;
    auto_free char *program = own_path(argv[0]);
    bool colour = !getenv("NO_COLOR") && (getenv("CUSTOM_ENV_CI_JOB_ID") || isatty(STDERR_FILENO));
    auto_strvec manual = STRVEC_INIT;
    auto_strvec inputs = STRVEC_INIT;
    struct invocation in = {
        .program = program,
        .manual = &manual,
        .inputs = &inputs,
        .env = environ,
        .interrupt_fd = -1,
        .build_failure = exit_code_from("BUILD_FAILURE_EXIT_CODE", 1),
        .system_failure = exit_code_from("SYSTEM_FAILURE_EXIT_CODE", 2),
        .exit_code_file = not_empty(getenv("BUILD_EXIT_CODE_FILE")),
        .log = { .fd = STDERR_FILENO, .level = LOG_INFO, .colour = colour },
    };
    struct parsed parsed = { 0 };

    int status = option_parse(argc, argv, &in, &parsed, &e);
    if (status == 0 && parsed.wants_help)
        return print_help(parsed.command);
    if (status == 0 && parsed.wants_version)
        return print_version();
    if (status == 0)
        status = (parsed.command->hook ? run_hook : run)(parsed.command, &in, &e);
    if (status >= 0)
        return status;
    log_error(&in.log, "%s", err_text(&e));
    return exit_status(parsed.command, &in, &e);
}

/* Not by exit(), at which each of the libraries behind libcurl puts its things in order before the kernel takes them:
 * what that touches is 0.6 MB. Nothing is written through stdio, which would have to be flushed. */
int main(int argc, char **argv)
{
    int status = perform(argc, argv);

    if (!REPORTS_AT_EXIT)
        _exit(status);
    return status;
}
