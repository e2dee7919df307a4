/* executor/commands_local.c: the commands that are not hooks. */
#include "stages/pipeline/lint.h"
#include "stages/pipeline/pipeline.h"

#include "base/file.h"
#include "base/number.h"
#include "base/text.h"
#include "executor/command.h"
#include "executor/config.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Its jobs take their sources from a folder of this host. And a daemon that cannot be reached is said once, by us: each
 * job would be prepared three times before it gave up. */
static int check_daemon(const struct invocation *in, struct err *e)
{
    auto_engine *d = NULL;
    auto_config c = { 0 };
    struct engine_endpoint endpoint;

    if (config_read(in->config, in->env, &c, e) < 0)
        return -1;
    config_endpoint(&c, in->env, &endpoint);
    if (!config_uses_volumes(&c, &endpoint))
        return engine_open(&endpoint, &d, e);
    return err_set(e, ERR_CONFIG, 0, "a pipeline's sources are in a folder of this host, where a job whose storage is the "
                   "daemon's volumes does not see them; give it another configuration (--config) with a Unix socket "
                   "and storage: folders");
}

/* A job waits for its containers and for networks more than it computes, most of them at least. */
#define JOBS_EACH 2 /* processor */
#define JOBS_MIN  6
/* As many as a project has slots. */
#define JOBS_MAX 64

static int read_jobs(const struct invocation *in, size_t *out, struct err *e)
{
    int64_t n = sysconf(_SC_NPROCESSORS_ONLN) * JOBS_EACH;
    auto_free char *shown = in->jobs ? text_quote(in->jobs) : NULL;

    n = n < JOBS_MIN ? JOBS_MIN : n > JOBS_MAX ? JOBS_MAX : n;
    if (in->shell_on_failure) /* one terminal, one shell */
        n = 1;
    if (in->jobs && number_parse(in->jobs, 1, JOBS_MAX, &n) < 0)
        return err_set(e, ERR_USAGE, 0, "--jobs %s is no number from 1 to %d", shown, JOBS_MAX);
    *out = (size_t)n;
    return 0;
}

/* By --keep: long enough to look at it tomorrow morning. */
#define KEPT_FOR "24h"

int command_pipeline(const struct invocation *in, struct err *e)
{
    auto_strvec env = STRVEC_INIT;
    size_t jobs = 0;

    if (read_jobs(in, &jobs, e) < 0)
        return -1;
    if (!in->list && !in->json && !in->preview && !in->graph && check_daemon(in, e) < 0)
        return -1;
    for (char *const *v = in->env; *v; v++)
        strvec_push(&env, *v);
    if (in->keep)
        strvec_set_env(&env, CONFIG_KEEP_VARIABLE, KEPT_FOR);
    strvec_set_env(&env, CONFIG_STANDBY_VARIABLE, "0");
    strvec_set_env(&env, CONFIG_NETWORKS_VARIABLE, "0");
    const struct pipeline_options options = {
        .program = in->program,
        .config = in->config,
        .directory = in->directory,
        .branch = in->branch,
        .tag = in->tag,
        .event = in->event,
        .jobs = (const char *const *)in->args,
        .inputs = in->inputs,
        .manual = (const char *const *)strvec_list(in->manual),
        .side_by_side = jobs,
        .no_wait = in->no_wait,
        .stage = in->stage,
        .needs = in->needs,
        .variables_file = in->variables,
        .copies = in->includes,
        .graph = in->graph,
        .timeline = in->timeline,
        .shell_on_failure = in->shell_on_failure,
        .has_terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO),
        .list = in->list,
        .json = in->json,
        .preview = in->preview,
        .colour = isatty(STDOUT_FILENO) && !getenv("NO_COLOR"),
        .interrupt_fd = in->interrupt_fd,
        .env = strvec_list(&env),
    };
    return pipeline_run(&options, e);
}

/* Files with secrets are read when a job deploys: here one learns before that what is wrong with them. */
static int check_targets(const struct invocation *in, const struct targets *targets, struct err *e)
{
    for (size_t i = 0; i < targets->n; i++) {
        struct target *t = &targets->items[i];
        if (target_read_secrets(t, e) < 0)
            return -1;
        if (t->projects.n == 0 || t->environments.n == 0)
            log_warning(&in->log, "targets: %s: nobody may deploy there without %s", t->name,
                        t->projects.n == 0 ? "projects" : "environments");
    }
    return 0;
}

int command_lint(const struct invocation *in, struct err *e)
{
    const struct lint_options options = {
        .file = in->args[0],
        .inputs = in->inputs,
        .directory = in->directory,
        .branch = in->branch,
        .variables_file = in->variables,
        .copies = in->includes,
        .colour = isatty(STDOUT_FILENO) && !getenv("NO_COLOR"),
        .env = in->env,
    };
    return lint_run(&options, e);
}

int command_check(const struct invocation *in, struct err *e)
{
    auto_config c = { 0 };

    if (config_read(in->config, in->env, &c, e) < 0)
        return -1;
    if (check_targets(in, &c.targets, e) < 0)
        return -1;
    bool there = in->config || access(CONFIG_DEFAULT_PATH, F_OK) == 0;
    auto_free char *line = xasprintf("%s: %s\n", in->config ? in->config : CONFIG_DEFAULT_PATH,
                                     there ? "good" : "not there: the defaults hold (see 'atelier sample')");
    return fd_write(STDOUT_FILENO, line, strlen(line), e);
}

int command_sample(const struct invocation *in, struct err *e)
{
    auto_strbuf out = STRBUF_TEXT;

    (void)in;
    config_sample(&out);
    return fd_write(STDOUT_FILENO, strbuf_text(&out), out.len, e);
}
