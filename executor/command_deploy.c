/* executor/command_deploy.c: `atelier deploy`, `releases` and `rollback`, for a person on a host with targets. */
#include "executor/command.h"

#include "base/file.h"
#include "base/interrupt.h"
#include "base/number.h"
#include "base/text.h"
#include "executor/config.h"
#include "executor/program.h"
#include "executor/target_link.h"
#include "stages/deploy/deploy.h"
#include "stages/pipeline/env_file.h"

#include <string.h>

#define FILE_MAX     ((size_t)1 << 20)
#define FILE_DEFAULT "docker-compose.yml"

/* What one of the commands works with. */
struct operation {
    const struct invocation *in;
    struct config config;
    struct target *target;
    struct variables variables;
    struct deploy_identity who;
    struct deploy_environment *environment;
    struct target_link link;
    char *text; /* the compose file's */
};

static void operation_release(struct operation *o)
{
    target_link_close(&o->link);
    environment_free(o->environment);
    free(o->who.unit);
    variables_release(&o->variables);
    config_release(&o->config);
    free(o->text);
}

/* ---- Who, and where ---- */

static int find_target(struct operation *o, struct err *e)
{
    const struct targets *all = &o->config.targets;
    auto_free char *shown = text_quote(o->in->args[0]);
    auto_strvec names = STRVEC_INIT;

    for (size_t i = 0; i < all->n; i++) {
        strvec_push(&names, all->items[i].name);
        if (strcmp(all->items[i].name, o->in->args[0]) == 0)
            o->target = &all->items[i];
    }
    if (o->target)
        return target_read_secrets(o->target, e);
    auto_free char *list = strvec_join(&names, ", ");
    return err_set(e, ERR_USAGE, 0, "this host has no target '%s'; there are: %s", shown, names.n ? list : "none");
}

static const char *value(const struct operation *o, const char *name, const char *otherwise)
{
    const char *found = variables_value(&o->variables, name);

    return found && *found ? found : otherwise;
}

static int read_variables(struct operation *o, struct err *e)
{
    auto_variables given = VARIABLES_INIT;

    if (o->in->variables && env_file_read(o->in->variables, &given, e) < 0)
        return -1;
    variables_add(&given, "CI_ENVIRONMENT_NAME", o->in->environment, VARIABLE_RAW | VARIABLE_PUBLIC);
    variables_add(&given, "CI_PROJECT_PATH", o->in->project, VARIABLE_RAW | VARIABLE_PUBLIC);
    return variables_resolve(&given, "", &o->variables, e);
}

static int identify(struct operation *o, struct err *e)
{
    const char *login = env_get(o->in->env, "SUDO_USER");

    if (!login)
        login = env_get(o->in->env, "USER");
    o->who = (struct deploy_identity){
        .project = o->in->project,
        .environment = o->in->environment,
        .commit = value(o, "CI_COMMIT_SHA", ""),
        .ref = value(o, "CI_COMMIT_REF_NAME", ""),
        .who = value(o, "GITLAB_USER_LOGIN", login ? login : "an operator"),
        .job_url = value(o, "CI_JOB_URL", ""),
    };
    return identity_unit(o->who.project, o->who.environment, &o->who.unit, e);
}

static int open_operation(struct operation *o, struct err *e)
{
    const struct invocation *in = o->in;

    if (!in->project || !in->environment)
        return err_set(e, ERR_USAGE, 0, "of which project, in which environment? give --project GROUP/NAME and "
                       "--environment NAME");
    if (config_read(in->config, in->env, &o->config, e) < 0 || find_target(o, e) < 0 || read_variables(o, e) < 0 ||
        identify(o, e) < 0 || environment_make(&o->variables, &o->who, o->target, &o->environment, e) < 0)
        return -1;
    return target_link_open(o->target, in->interrupt_fd, &o->link, e);
}

/* ---- The deploy ---- */

static int end_when_told(void *ctx, int64_t *next_ms, struct err *e)
{
    const struct invocation *in = ctx;
    int number = interrupt_take(in->interrupt_fd);

    *next_ms = -1;
    return number ? err_set(e, ERR_CANCELLED, number, "ended by a signal (%s)", strsignal(number)) : 0;
}

/* What is done goes to stdout; what is wrong is for stderr, as everywhere. */
static void say(void *ctx, enum log_level level, const char *line)
{
    const struct invocation *in = ctx;
    const struct log out = { .fd = STDOUT_FILENO, .level = LOG_INFO, .colour = false };

    log_line(level == LOG_INFO ? &out : &in->log, level, "%s", line);
}

/* Whoever may call this owns the host, and `projects` and `environments` are for jobs. */
static void warn_unnamed(const struct operation *o)
{
    if (!target_names(o->target, o->in->project, o->in->environment))
        log_warning(&o->in->log, "no job of project '%s' in environment '%s' may deploy to %s (targets: %s: projects, environments); "
                    "its owner may", o->in->project, o->in->environment, o->target->name, o->target->name);
}

static int carry_out(const struct invocation *in, const struct deploy_request *request, struct operation *o, struct err *e)
{
    static const char *const cron_built[] = { "../stages/deploy/cron/atelier-cron", NULL };
    struct invocation asked = *in;
    auto_free char *cron = program_find(in->program, "atelier-cron", cron_built, NULL);
    const struct engine_watch watch = { end_when_told, &asked, in->interrupt_fd };
    const struct deploy_context context = {
        .engine = o->link.engine,
        .target = o->target,
        .who = &o->who,
        .environment = o->environment,
        .cron_program = cron,
        .watch = &watch,
        .say = say,
        .say_ctx = &asked,
    };
    return deploy_run(&context, request, e);
}

#define auto_operation __attribute__((cleanup(operation_release))) struct operation

int command_deploy(const struct invocation *in, struct err *e)
{
    auto_operation o = { .in = in, .link = TARGET_LINK_INIT };
    struct deploy_request request = { .action = in->dry_run ? DEPLOY_DRY_RUN : DEPLOY_UP,
                                      .file = in->file ? in->file : FILE_DEFAULT };

    if (file_read(request.file, FILE_MAX, &o.text, &request.len, e) < 0 || open_operation(&o, e) < 0)
        return -1;
    request.text = o.text;
    warn_unnamed(&o);
    return carry_out(in, &request, &o, e);
}

int command_releases(const struct invocation *in, struct err *e)
{
    auto_operation o = { .in = in, .link = TARGET_LINK_INIT };
    const struct deploy_request request = { .action = DEPLOY_RELEASES };

    return open_operation(&o, e) < 0 ? -1 : carry_out(in, &request, &o, e);
}

int command_rollback(const struct invocation *in, struct err *e)
{
    auto_operation o = { .in = in, .link = TARGET_LINK_INIT };
    struct deploy_request request = { .action = DEPLOY_ROLLBACK };
    int64_t number = 0;

    if (in->args[1] && number_parse(in->args[1], 1, INT32_MAX, &number) < 0)
        return err_set(e, ERR_USAGE, 0, "'%s' is no release's number; 'atelier releases' lists them", in->args[1]);
    request.release = (int)number;
    if (open_operation(&o, e) < 0)
        return -1;
    warn_unnamed(&o);
    return carry_out(in, &request, &o, e);
}
