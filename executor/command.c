#include "executor/command.h"

#include "executor/option.h"

#include <string.h>

const struct command commands[] = {
    { "config", "", "tell gitlab-runner where jobs are built (hook)", "Prints one JSON object.\n", 0, 0, "", true,
      hook_config },
    { "prepare", "", "make the job's network and containers (hook)",
      "Reads the job from the environment and from JOB_RESPONSE_FILE.\n", 0, 0, "n", true, hook_prepare },
    { "run", "SCRIPT SUBSTAGE", "run one of the job's scripts in its container (hook)",
      "The script goes to the shell found in the image; its exit code is written to\n"
      "BUILD_EXIT_CODE_FILE.\n",
      2, 2, "", true, hook_run },
    { "cleanup", "", "remove all that the job made (hook)",
      "Safe at any time, also while `run` is still alive.\n", 0, 0, "", true, hook_cleanup },
    { "pipeline", "[JOB...]", "run this checkout's .gitlab-ci.yml without GitLab", "",
      0, -1, "vbTECIilJPGgNmwWLXK", false, command_pipeline },
    { "lint", "[FILE]", "say what is wrong in a .gitlab-ci.yml",
      "All problems, each with file, line and column, and what has no effect in a local\n"
      "pipeline. FILE is read in the place of the checkout's own. Exit status: 0 good,\n"
      "1 something is wrong, or the checkout has no file; 2 FILE is not there.\n",
      0, 1, "vbCIi", false, command_lint },
    { "shell", "[JOB [COMMAND...]]", "open a shell in a job's container",
      "JOB is its id or its key; without one, the jobs that are here are listed. A job\n"
      "that failed is here for as long as keep_failed says. A COMMAND is run instead of\n"
      "a shell; put -- before one with options. Exit status: that of what ran.\n",
      0, -1, "Hs", false, command_shell },
    { "check", "", "check the host's configuration",
      "Prints the first mistake with its file and line. Exit status: 0 good, 2 not.\n", 0, 0, "", false, command_check },
    { "sample", "", "print a commented configuration with every key",
      "To begin with: atelier sample >/etc/atelier/config.yml\n", 0, 0, "", false, command_sample },
    { "gc", "", "remove what runners that were killed left behind",
      "Removes containers, networks and volumes of jobs whose time is over. What was\n"
      "found is printed. Exit status: 0 all of it is gone, 2 something is not.\n", 0, 0, "njor", false, command_gc },
    { "cache", "ls|stat|verify|prune", "show, check and prune the host's caches",
      "ls: all of them, the last used first. stat: their sums. verify [KEY...]: reads\n"
      "the archives whole; with --remove, broken ones go. prune: removes what was used\n"
      "longest ago, down to the limits, and what writers that were killed left; what is\n"
      "in use stays. Caches in Docker's volumes are not seen. Exit status: verify 1\n"
      "when a broken archive is there, both 2 when one could not be read or removed.\n",
      1, -1, "pranSR", false, command_cache },
    { "compose", "check [FILE...]", "check compose files before they are deployed",
      "Each FILE [docker-compose.yml] is read as a deploy reads it, with the variables\n"
      "of the .env beside it. Prints every problem as FILE:LINE:COLUMN: problem; what\n"
      "to do. A variable that is not set gets a note: the deploy will ask for it.\n"
      "Exit status: 0 good, 1 a problem, 2 could not be read.\n",
      1, -1, "vetq", false, command_compose },
    { "deploy", "TARGET", "deploy a compose project to a target of this host",
      "For the host's owner: a job calls deploy-master. Variables and secrets are those\n"
      "of --variables; SV_STAGING_KEY is the secret KEY of the environment staging. The\n"
      "old release serves until the new one is healthy, and goes on when it fails.\n"
      "Exit status: 0 it serves, 1 the project's failure, 2 the target's or the host's.\n",
      1, 1, "fvpen", false, command_deploy },
    { "releases", "TARGET", "list what was deployed when",
      "The newest first; * is the one that serves.\n", 1, 1, "pe", false, command_releases },
    { "rollback", "TARGET [NUMBER]", "go back to an earlier release",
      "To the one before, or to that NUMBER: its file, its images and its variables,\n"
      "with the secrets of --variables as they are now. What runs once does not run.\n",
      1, 2, "vpe", false, command_rollback },
    { "doctor", "", "check this host, and say what to type",
      "Asks Docker, looks at folders, images and leftovers, and changes nothing.\n"
      "Exit status: 0 no problem, 1 a problem; warnings are none.\n", 0, 0, "", false, command_doctor },
    { "trace", "[JOB]", "show where a job's time went",
      "JOB is its id or its key; without one, the job that ended last. Each hook that\n"
      "gitlab-runner called, and the steps of prepare and cleanup: when it began after\n"
      "the first one, and how long it took. Kept for as long as `trace` says.\n",
      0, 1, "", false, command_trace },
    { NULL, NULL, NULL, NULL, 0, 0, NULL, false, NULL },
};

const struct command *command_find(const char *name)
{
    for (const struct command *c = commands; c->name; c++)
        if (strcmp(c->name, name) == 0)
            return c;
    return NULL;
}

void command_help(const struct command *c, struct strbuf *out)
{
    if (c) {
        strbuf_printf(out, "Usage: atelier %s [OPTION]...%s%s\n%c%s.\n%s\nOptions:\n", c->name, *c->args ? " " : "",
                      c->args, (char)(c->summary[0] - 'a' + 'A'), c->summary + 1, c->help);
        option_help(c->options, out);
        return;
    }
    strbuf_puts(out, "Usage: atelier [OPTION]... COMMAND [ARGUMENT]... (more: atelier COMMAND --help)\n"
                     "Commands:\n");
    for (c = commands; c->name; c++) {
        auto_free char *left = xasprintf("%s %s", c->name, c->args);
        strbuf_printf(out, "  %-24s  %s\n", left, c->summary);
    }
    strbuf_puts(out, "\nOptions:\n");
    option_help("", out);
}
