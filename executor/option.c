#include "executor/option.h"

#include "base/strvec.h"
#include "base/text.h"

#include <string.h>

struct row {
    char letter;         /* also its short form */
    const char *name;
    /* NULL: a switch. With "..." at its end it may be given several times. "[FILE.svg]": it need not be there, and ends
     * like that. */
    const char *argument;
    const char *help;
    size_t offset;       /* of a const char *, a bool or a list in struct invocation, or in struct parsed */
    bool in_parsed;
};

#define I(member) offsetof(struct invocation, member)
#define P(member) offsetof(struct parsed, member)

static const struct row rows[] = {
    { 'c', "config", "FILE", "the host's configuration [/etc/atelier/config.yml]", I(config), false },
    { 'n', "dry-run", NULL, "print what would be done and do nothing", I(dry_run), false },
    { 'j', "job", "KEY", "only of this job, as the label atelier.job has it", I(job), false },
    { 'o', "older-than", "AGE", "by age (90m, 12h, 2d), not by the jobs' timeouts", I(older_than), false },
    { 'r', "runner", "TOKEN", "only of the runner with this short token", I(runner), false },
    { 's', "service", "NAME", "in this service's container", I(service), false },
    { 'H', "helper", NULL, "in the helper's container", I(helper), false },
    { 'p', "project", "NAME", "of this project; cache: also of those like group/*", I(project), false },
    { 'S', "size", "SIZE", "so much may stay, such as 20g [cache_size]", I(size), false },
    { 'R', "remove", NULL, "remove those that are broken", I(remove), false },
    { 'a', "age", "AGE", "unused for so long, such as 30d, it goes [cache_age]", I(age), false },
    { 'v', "variables", "FILE", "more variables, a KEY=value a line", I(variables), false },
    { 'b', "branch", "NAME", "as the pipeline of this branch [the current one]", I(branch), false },
    { 'T', "tag", "NAME", "as the pipeline of this tag", I(tag), false },
    { 'E', "event", "NAME", "as one of this event, such as schedule [push]", I(event), false },
    { 'C', "directory", "DIR", "the checkout [the current folder]", I(directory), false },
    { 'l', "list", NULL, "print the jobs and run nothing", I(list), false },
    { 'f', "file", "FILE", "the compose file [docker-compose.yml]", I(file), false },
    { 'e', "environment", "NAME", "as a deploy to this environment", I(environment), false },
    { 't', "strict", NULL, "a variable that is not set is a problem", I(strict), false },
    { 'q', "quiet", NULL, "say nothing but problems", I(quiet), false },
    { 'g', "stage", "NAME", "only the jobs of this stage", I(stage), false },
    { 'N', "needs", NULL, "and those that they wait for", I(needs), false },
    { 'w', "jobs", "N", "so many jobs at once [2 a processor, 6 at least]", I(jobs), false },
    { 'm', "manual", "JOB...", "this manual job too, when it is its turn", I(manual), false },
    { 'W', "no-wait", NULL, "start delayed jobs at once", I(no_wait), false },
    { 'I', "includes", "DIR", "copies of what `include` takes from a server", I(includes), false },
    { 'J', "json", NULL, "print them as JSON", I(json), false },
    { 'P', "preview", NULL, "print the file as it is put together", I(preview), false },
    { 'G', "graph", "[FILE.svg]", "draw what waits for what, and run nothing", I(graph), false },
    { 'L', "timeline", "FILE", "make a page of how the run went (HTML)", I(timeline), false },
    { 'X', "shell-on-failure", NULL, "a shell in a failed job's container, before cleanup", I(shell_on_failure), false },
    { 'K', "keep", NULL, "what failed jobs made stays for a day", I(keep), false },
    { 'i', "input", "NAME=VALUE...", "for the file's `spec: inputs`", I(inputs), false },
    { 'h', "help", NULL, "print this and exit", P(wants_help), true },
    { 'V', "version", NULL, "print versions and exit", P(wants_version), true },
};

/* Every command takes these. */
static const char everywhere[] = "chV";

static const struct row *find_long(const char *name, size_t len)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (strlen(rows[i].name) == len && strncmp(rows[i].name, name, len) == 0)
            return &rows[i];
    return NULL;
}

static const struct row *find_short(char letter)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (rows[i].letter == letter)
            return &rows[i];
    return NULL;
}

static int unknown_option(const char *word, struct err *e)
{
    const char *words[ARRAY_SIZE(rows) + 1] = { NULL };
    auto_free char *name = xstrndup(word, strcspn(word, "="));
    auto_free char *shown = text_quote(name);

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        words[i] = rows[i].name;
    const char *nearest = text_starts(name, "--") ? text_nearest(name + 2, words) : NULL;
    if (nearest)
        return err_set(e, ERR_USAGE, 0, "unknown option '%s'; did you mean '--%s'?", shown, nearest);
    return err_set(e, ERR_USAGE, 0, "unknown option '%s'; see 'atelier --help'", shown);
}

static int unknown_command(const char *word, struct err *e)
{
    auto_strvec words = STRVEC_INIT;
    auto_free char *shown = text_quote(word);

    for (const struct command *c = commands; c->name; c++)
        strvec_push(&words, c->name);
    const char *nearest = text_nearest(word, (const char *const *)strvec_list(&words));
    if (nearest)
        return err_set(e, ERR_USAGE, 0, "unknown command '%s'; did you mean '%s'?", shown, nearest);
    return err_set(e, ERR_USAGE, 0, "unknown command '%s'; see 'atelier --help'", shown);
}

static void store(const struct row *r, const char *value, struct invocation *in, struct parsed *out)
{
    char *base = r->in_parsed ? (char *)out : (char *)in;

    if (r->argument && text_ends(r->argument, "..."))
        strvec_push(*(struct strvec **)(void *)(base + r->offset), value);
    else if (r->argument)
        memcpy(base + r->offset, &value, sizeof(value));
    else
        *(bool *)(base + r->offset) = true;
}

static bool is_optional(const struct row *r)
{
    return r->argument && *r->argument == '[';
}

/* Whether the next word is its value: what is in brackets says how that ends. */
static bool fits(const struct row *r, const char *word)
{
    const char *dot = strrchr(r->argument, '.');
    auto_free char *ending = xstrndup(dot, strlen(dot) - 1);

    return word && text_ends(word, ending);
}

/* One option at argv[*i], with its value, which may be the next word. Its letter is added to `seen`. */
static int take_option(char **argv, int *i, char *seen, struct invocation *in, struct parsed *out, struct err *e)
{
    const char *word = argv[*i];
    bool is_long = text_starts(word, "--");
    const char *equals = is_long ? strchr(word, '=') : NULL;
    const struct row *r = is_long ? find_long(word + 2, equals ? (size_t)(equals - word - 2) : strlen(word + 2))
                                  : (word[2] ? NULL : find_short(word[1]));

    if (!r)
        return unknown_option(word, e);
    if (!r->argument && equals)
        return err_set(e, ERR_USAGE, 0, "option '--%s' takes no value", r->name);
    const char *value = equals ? equals + 1 : NULL;
    if (!value && is_optional(r))
        value = fits(r, argv[*i + 1]) ? argv[++*i] : "";
    else if (r->argument && !value)
        value = argv[++*i];
    if (r->argument && (!value || (!*value && !is_optional(r))))
        return err_set(e, ERR_USAGE, 0, "option '--%s' needs a value: --%s %s", r->name, r->name, r->argument);
    store(r, value, in, out);
    if (!strchr(seen, r->letter))
        seen[strlen(seen)] = r->letter;
    return 0;
}

static int check_command(const struct command *c, const char *seen, char *const *args, struct err *e)
{
    int n = 0;

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char letter = rows[i].letter;
        if (strchr(seen, letter) && !strchr(everywhere, letter) && !strchr(c->options, letter))
            return err_set(e, ERR_USAGE, 0, "'atelier %s' has no option '--%s'; see 'atelier %s --help'", c->name,
                           rows[i].name, c->name);
    }
    while (args[n])
        n++;
    if (n < c->min_args || (c->max_args >= 0 && n > c->max_args))
        return err_set(e, ERR_USAGE, 0, "usage: atelier %s%s%s", c->name, *c->args ? " " : "", c->args);
    return 0;
}

int option_parse(int argc, char **argv, struct invocation *in, struct parsed *out, struct err *e)
{
    char seen[ARRAY_SIZE(rows) + 1] = "";
    int words = 1; /* argv[1..words) are kept as the command and its arguments */
    bool options = true;

    for (int i = 1; i < argc; i++) {
        if (options && strcmp(argv[i], "--") == 0) {
            options = false;
        } else if (options && argv[i][0] == '-' && argv[i][1]) {
            if (take_option(argv, &i, seen, in, out, e) < 0)
                return -1;
        } else {
            argv[words++] = argv[i];
        }
    }
    argv[words] = NULL;
    if (words == 1) {
        if (out->wants_help || out->wants_version)
            return 0;
        return err_set(e, ERR_USAGE, 0, "no command given; see 'atelier --help'");
    }
    out->command = command_find(argv[1]);
    if (!out->command)
        return unknown_command(argv[1], e);
    in->args = argv + 2;
    return out->wants_help || out->wants_version ? 0 : check_command(out->command, seen, in->args, e);
}

/* A screen has 24 lines. */
#define OPTIONS_OF_A_SCREEN 16

void option_help(const char *letters, struct strbuf *out)
{
    bool is_long = strlen(letters) > OPTIONS_OF_A_SCREEN;

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct row *r = &rows[i];
        if (!strchr(letters, r->letter) && (is_long || !strchr(everywhere, r->letter)))
            continue;
        auto_free char *left = xasprintf("-%c, --%s%s%s", r->letter, r->name, r->argument ? " " : "",
                                         r->argument ? r->argument : "");
        strbuf_printf(out, "  %-24s  %s\n", left, r->help);
    }
    if (is_long)
        strbuf_puts(out, "  -h, --help                print this and exit; --config, --version too\n");
}
