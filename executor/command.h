/* executor/command.h: the program's commands, one row each. */
#ifndef EXECUTOR_COMMAND_H
#define EXECUTOR_COMMAND_H

#include "base/err.h"
#include "base/log.h"
#include "base/strbuf.h"
#include "base/strvec.h"

#include <stdbool.h>

struct trace;

/* What the command line and the process gave: made once by main, passed down. */
struct invocation {
    const char *program;    /* how to start this program again: an absolute path */
    const char *config;     /* --config FILE, NULL when not given */
    const char *variables;  /* --variables FILE, NULL when not given */
    const char *directory;  /* --directory DIR, NULL when not given */
    const char *branch;     /* --branch NAME, NULL when not given */
    const char *tag;        /* --tag NAME, NULL when not given */
    const char *event;      /* --event NAME, NULL when not given */
    const char *graph;      /* --graph [FILE.svg], NULL when not given, "" without a file */
    const char *timeline;   /* --timeline FILE, NULL when not given */
    const char *older_than; /* --older-than AGE, NULL when not given */
    const char *runner;     /* --runner TOKEN, NULL when not given */
    const char *job;        /* --job KEY, NULL when not given */
    const char *service;    /* --service NAME, NULL when not given */
    const char *project;    /* --project NAME, NULL when not given */
    const char *size;       /* --size SIZE, NULL when not given */
    const char *age;        /* --age AGE, NULL when not given */
    const char *environment; /* --environment NAME, NULL when not given */
    const char *file;       /* --file FILE, NULL when not given */
    bool helper;            /* --helper */
    bool dry_run;
    bool remove;
    bool list;
    bool strict;
    bool quiet;
    bool json;
    bool preview;
    bool needs;
    bool shell_on_failure;
    bool keep;
    const char *includes;   /* --includes DIR, NULL when not given */
    const char *stage;      /* --stage NAME, NULL when not given */
    const char *jobs;       /* --jobs N, NULL when not given */
    struct strvec *manual;  /* each --manual JOB; main's */
    struct strvec *inputs;  /* each --input NAME=VALUE; main's */
    bool no_wait;
    char *const *args;      /* what follows the command, NULL-terminated */
    char *const *env;
    int interrupt_fd;       /* base/interrupt.h */
    struct trace *trace;    /* of a hook (executor/trace.h), NULL of other commands */
    struct log log;         /* stderr */

    /* What gitlab-runner says of its hooks (contract 1.3). */
    int build_failure;          /* exit status for the job's own failure */
    int system_failure;         /* exit status for everything else */
    const char *exit_code_file; /* where the script's exact code goes; NULL before 17.9 */
};

/* Returns the exit status, or a negative number with the error set. */
typedef int command_fn(const struct invocation *in, struct err *e);

struct command {
    const char *name;
    const char *args;    /* "SCRIPT SUBSTAGE"; "" for none */
    const char *summary; /* one line for `atelier --help` */
    const char *help;    /* what `atelier NAME --help` adds */
    int min_args, max_args; /* max_args < 0: any number */
    const char *options; /* letters of option.c's rows that it takes */
    bool hook;           /* started by gitlab-runner: exits only with its two codes */
    command_fn *run;
};

extern const struct command commands[]; /* ends with a row without a name */

/* Write "Usage: …" and the help of one command, or of all when `c` is NULL. */
void command_help(const struct command *c, struct strbuf *out);
/* NULL when there is none. */
const struct command *command_find(const char *name);

command_fn hook_config, hook_prepare, hook_run, hook_cleanup;
command_fn command_pipeline, command_lint, command_check, command_sample, command_gc, command_doctor, command_shell,
    command_cache, command_compose, command_deploy, command_releases, command_rollback,
    command_trace;

#endif
