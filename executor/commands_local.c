/* executor/commands_local.c: the commands that are not hooks. */
#include "stages/pipeline/pipeline.h"

#include "base/file.h"
#include "executor/command.h"
#include "executor/config.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int command_pipeline(const struct invocation *in, struct err *e)
{
    const struct pipeline_options options = {
        .program = in->program,
        .config = in->config,
        .directory = in->directory,
        .branch = in->branch,
        .jobs = (const char *const *)in->args,
        .variables_file = in->variables,
        .list = in->list,
        .colour = isatty(STDOUT_FILENO) && !getenv("NO_COLOR"),
        .interrupt_fd = in->interrupt_fd,
        .env = in->env,
    };
    return pipeline_run(&options, e);
}

int command_check(const struct invocation *in, struct err *e)
{
    auto_config c = { 0 };

    if (config_read(in->config, in->env, &c, e) < 0)
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
