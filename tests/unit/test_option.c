#include "executor/option.h"

#include "base/json.h"
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/expect.h"

enum { WORDS_MAX = 10 };

static json_t *or_null(const char *text)
{
    return text ? json_string(text) : json_null();
}

static json_t *describe(const struct invocation *in, const struct parsed *parsed)
{
    json_t *args = json_array();
    for (char *const *arg = in->args; arg && *arg; arg++)
        json_array_append_new(args, json_string(*arg));
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:b, s:b, s:b, s:b}", "command",
                     or_null(parsed->command ? parsed->command->name : NULL), "args", args, "config",
                     or_null(in->config), "variables", or_null(in->variables), "directory", or_null(in->directory),
                     "older_than", or_null(in->older_than), "runner", or_null(in->runner), "job", or_null(in->job),
                     "service", or_null(in->service), "project", or_null(in->project), "size", or_null(in->size), "age",
                     or_null(in->age), "helper", in->helper, "dry_run", in->dry_run, "list", in->list, "help", parsed->wants_help, "version",
                     parsed->wants_version);
}

#define PLAIN "'config':null, 'variables':null, 'directory':null, 'dry_run':false, 'list':false, 'help':false, 'version':false"

static const struct {
    const char *words[WORDS_MAX]; /* after the program's name */
    const char *want;             /* members of the result */
    const char *error;            /* instead */
} lines[] = {
    /* Commands and their arguments. */
    { { "config" }, "{'command':'config', 'args':[], " PLAIN "}" },
    { { "prepare" }, "{'command':'prepare', 'args':[]}" },
    { { "cleanup" }, "{'command':'cleanup', 'args':[]}" },
    { { "check" }, "{'command':'check', 'args':[]}" },
    { { "sample" }, "{'command':'sample', 'args':[]}" },
    { { "gc" }, "{'command':'gc', 'dry_run':false, 'older_than':null, 'runner':null, 'job':null}" },
    { { "doctor" }, "{'command':'doctor', 'args':[]}" },
    { { "trace" }, "{'command':'trace', 'args':[]}" },
    { { "cache", "prune", "-n", "--size=20g", "--age", "30d" },
      "{'command':'cache', 'args':['prune'], 'size':'20g', 'age':'30d', 'dry_run':true}" },
    { { "cache", "ls", "-p", "g/p", "-r", "t" }, "{'args':['ls'], 'project':'g/p', 'runner':'t'}" },
    { { "cache", "verify", "--", "-n" }, "{'args':['verify','-n'], 'dry_run':false}" },
    { { "compose", "check", "a.yml", "-e", "prod", "-tq" }, NULL, "unknown option '-tq'" },
    { { "compose", "check", "a.yml", "-e", "prod", "-t", "-q", "-v", "f" },
      "{'command':'compose', 'args':['check','a.yml'], 'environment':'prod', 'strict':true, 'quiet':true, 'variables':'f'}" },
    { { "compose", "check", "--environment=prod" }, "{'environment':'prod', 'strict':false, 'quiet':false}" },
    { { "compose", "check", "--strict", "--quiet" }, "{'environment':null, 'strict':true, 'quiet':true}" },
    { { "compose" }, NULL, "usage: atelier compose check [FILE...]" },
    { { "deploy", "there", "--project=g/p", "--environment=prod", "--file=c.yml", "--variables=f", "-n" },
      "{'command':'deploy', 'environment':'prod', 'file':'c.yml', 'args':['there'], 'project':'g/p', 'variables':'f', 'dry_run':true}" },
    { { "deploy" }, NULL, "usage: atelier deploy TARGET" },
    { { "releases", "there", "-p", "g/p" }, "{'command':'releases', 'args':['there'], 'project':'g/p'}" },
    { { "rollback", "there", "3" }, "{'command':'rollback', 'args':['there','3']}" },
    { { "rollback", "there", "3", "4" }, NULL, "usage: atelier rollback TARGET [NUMBER]" },
    { { "releases", "there", "-n" }, NULL, "'atelier releases' has no option '--dry-run'" },
    { { "pipeline", "--strict" }, NULL, "'atelier pipeline' has no option '--strict'" },
    { { "run", "/tmp/script", "build_script" }, "{'command':'run', 'args':['/tmp/script','build_script']}" },
    { { "pipeline" }, "{'command':'pipeline', 'args':[], 'jobs':null, 'manual':'', 'no_wait':false}" },
    { { "pipeline", "--manual", "a", "-w", "3", "-W", "--manual=b", "c" },
      "{'args':['c'], 'jobs':'3', 'manual':'a b', 'no_wait':true}" },
    { { "pipeline", "--input", "a=b", "-i", "c=d e", "--timeline=t", "--keep", "-X" },
      "{'inputs':'a=b c=d e', 'timeline':'t', 'keep':true, 'shell_on_failure':true}" },
    { { "pipeline", "--manual" }, NULL, "option '--manual' needs a value: --manual JOB..." },
    { { "pipeline", "a", "b c", "" }, "{'command':'pipeline', 'args':['a','b c','']}" },
    { { NULL }, NULL, "no command given; see 'atelier --help'" },
    { { "--dry-run" }, NULL, "no command given" },
    { { "config", "x" }, NULL, "usage: atelier config" },
    { { "run", "a" }, NULL, "usage: atelier run SCRIPT SUBSTAGE" },
    { { "run", "a", "b", "c" }, NULL, "usage: atelier run SCRIPT SUBSTAGE" },
    { { "cleanup", "" }, NULL, "usage: atelier cleanup" },
    { { "pipelin" }, NULL, "unknown command 'pipelin'; did you mean 'pipeline'?" },
    { { "perpare" }, NULL, "unknown command 'perpare'; did you mean 'prepare'?" },
    { { "frobnicate" }, NULL, "unknown command 'frobnicate'; see 'atelier --help'" },
    { { "" }, NULL, "unknown command ''; see 'atelier --help'" },
    { { "\x1b[2J" }, NULL, "unknown command '\\x1b[2J'" },

    /* Every option, long and short, before and after the command. */
    { { "config", "--config", "f" }, "{'config':'f', 'args':[]}" },
    { { "config", "--config=f" }, "{'config':'f'}" },
    { { "config", "-c", "f" }, "{'config':'f'}" },
    { { "-c", "f", "config" }, "{'command':'config', 'config':'f'}" },
    { { "run", "-c", "f", "a", "b" }, "{'config':'f', 'args':['a','b']}" },
    { { "config", "--config=a=b" }, "{'config':'a=b'}" },
    { { "config", "--config=a", "--config=b" }, "{'config':'b'}" },
    { { "config", "--config", "--list" }, "{'config':'--list', 'list':false}" },
    { { "prepare", "--dry-run" }, "{'dry_run':true}" },
    { { "prepare", "-n" }, "{'dry_run':true, 'list':false}" },
    { { "pipeline", "--graph" }, "{'graph':''}" },
    { { "pipeline", "--graph", "build" }, "{'graph':'', 'args':['build']}" },
    { { "pipeline", "--graph", "--list" }, "{'graph':'', 'list':true}" },
    { { "pipeline", "--graph", "p.svg", "build" }, "{'graph':'p.svg', 'args':['build']}" },
    { { "pipeline", "--graph=p", "--tag", "v1", "--event=web" }, "{'graph':'p', 'tag':'v1', 'event':'web'}" },
    { { "pipeline", "--variables", "f" }, "{'variables':'f'}" },
    { { "pipeline", "--variables=f" }, "{'variables':'f'}" },
    { { "pipeline", "-v", "f" }, "{'variables':'f', 'config':null}" },
    { { "pipeline", "--directory", "d" }, "{'directory':'d'}" },
    { { "pipeline", "--directory=d" }, "{'directory':'d'}" },
    { { "pipeline", "-C", "d", "job" }, "{'directory':'d', 'args':['job']}" },
    { { "pipeline", "--list" }, "{'list':true}" },
    { { "pipeline", "-l" }, "{'list':true, 'dry_run':false}" },
    { { "lint", "a.yml" }, "{'command':'lint', 'args':['a.yml']}" },
    { { "gc", "-n", "-o", "2d", "-r", "t", "-j", "t-1" }, "{'dry_run':true, 'older_than':'2d', 'runner':'t', 'job':'t-1'}" },
    { { "gc", "--older-than=2d", "--runner=t", "--job=t-1" }, "{'older_than':'2d', 'runner':'t', 'job':'t-1'}" },
    { { "shell", "-s", "db", "7" }, "{'command':'shell', 'service':'db', 'helper':false, 'args':['7']}" },
    { { "shell", "--service=db" }, "{'service':'db', 'args':[]}" },
    { { "shell", "7", "-H", "--", "make", "-j" }, "{'helper':true, 'service':null, 'args':['7','make','-j']}" },
    { { "shell", "--helper" }, "{'helper':true}" },
    { { "gc", "--helper" }, NULL, "'atelier gc' has no option '--helper'" },
    { { "--help" }, "{'command':null, 'help':true, 'version':false}" },
    { { "-h" }, "{'command':null, 'help':true}" },
    { { "run", "--help" }, "{'command':'run', 'help':true}" },
    { { "--version" }, "{'command':null, 'help':false, 'version':true}" },
    { { "-V" }, "{'version':true}" },
    { { "cleanup", "-V" }, "{'version':true}" },

    /* `--` and `-`. */
    { { "pipeline", "--", "--list" }, "{'list':false, 'args':['--list']}" },
    { { "pipeline", "--", "--" }, "{'args':['--']}" },
    { { "--", "pipeline", "-l" }, "{'command':'pipeline', 'list':false, 'args':['-l']}" },
    { { "run", "-", "b" }, "{'args':['-','b']}" },
    { { "--" }, NULL, "no command given" },

    /* Wrong ones. */
    { { "config", "--config" }, NULL, "option '--config' needs a value: --config FILE" },
    { { "config", "-c" }, NULL, "option '--config' needs a value: --config FILE" },
    { { "config", "--config=" }, NULL, "option '--config' needs a value: --config FILE" },
    { { "config", "--config", "" }, NULL, "option '--config' needs a value: --config FILE" },
    { { "pipeline", "-C" }, NULL, "option '--directory' needs a value: --directory DIR" },
    { { "pipeline", "--list=yes" }, NULL, "option '--list' takes no value" },
    { { "prepare", "--dry-run=" }, NULL, "option '--dry-run' takes no value" },
    { { "config", "--conifg=f" }, NULL, "unknown option '--conifg'; did you mean '--config'?" },
    { { "pipeline", "--variable", "f" }, NULL, "unknown option '--variable'; did you mean '--variables'?" },
    { { "prepare", "--dryrun" }, NULL, "unknown option '--dryrun'; did you mean '--dry-run'?" },
    { { "prepare", "--frobnicate" }, NULL, "unknown option '--frobnicate'; see 'atelier --help'" },
    { { "config", "--password=hunter2" }, NULL, "unknown option '--password'; see 'atelier --help'" },
    { { "config", "-x" }, NULL, "unknown option '-x'; see 'atelier --help'" },
    { { "config", "-hV" }, NULL, "unknown option '-hV'; see 'atelier --help'" },
    { { "config", "-cfile" }, NULL, "unknown option '-cfile'; see 'atelier --help'" },
    { { "gc", "all" }, NULL, "usage: atelier gc" },
    { { "gc", "--older-than" }, NULL, "option '--older-than' needs a value: --older-than AGE" },
    { { "cache" }, NULL, "usage: atelier cache ls|stat|verify|prune" },
    { { "gc", "--size", "1g" }, NULL, "'atelier gc' has no option '--size'" },
    { { "doctor", "--dry-run" }, NULL, "'atelier doctor' has no option '--dry-run'" },
    { { "config", "--dry-run" }, NULL, "'atelier config' has no option '--dry-run'; see 'atelier config --help'" },
    { { "-l", "prepare" }, NULL, "'atelier prepare' has no option '--list'" },
    { { "run", "-v", "f", "a", "b" }, NULL, "'atelier run' has no option '--variables'" },
    { { "cleanup", "-C", "d" }, NULL, "'atelier cleanup' has no option '--directory'" },
};

static void check_line(size_t row)
{
    char *argv[WORDS_MAX + 2] = { NULL };
    auto_strvec words = STRVEC_INIT;
    int argc = 1;
    strvec_push(&words, "atelier");
    for (; argc <= WORDS_MAX && lines[row].words[argc - 1]; argc++)
        strvec_push(&words, lines[row].words[argc - 1]);
    memcpy(argv, words.items, sizeof(*argv) * (size_t)argc);
    auto_free char *shown = strvec_join(&words, " ");
    print_message("    %s\n", shown);

    auto_strvec manual = STRVEC_INIT, inputs = STRVEC_INIT;
    struct invocation in = { .interrupt_fd = -1, .manual = &manual, .inputs = &inputs };
    struct parsed parsed = { 0 };
    auto_err e = ERR_INIT;
    int rc = option_parse(argc, argv, &in, &parsed, &e);
    if (lines[row].error)
        expect_error(&e, lines[row].error);
    assert_int_equal(rc, lines[row].error ? -1 : 0);
    assert_int_equal(e.kind, lines[row].error ? ERR_USAGE : ERR_NONE);
    assert_null(strstr(err_text(&e), "hunter2"));
    if (rc == 0) {
        auto_json *got = describe(&in, &parsed);
        (void)json_object_set_new(got, "environment", or_null(in.environment));
        (void)json_object_set_new(got, "file", or_null(in.file));
        (void)json_object_set_new(got, "graph", or_null(in.graph));
        (void)json_object_set_new(got, "timeline", or_null(in.timeline));
        (void)json_object_set_new(got, "keep", json_boolean(in.keep));
        (void)json_object_set_new(got, "shell_on_failure", json_boolean(in.shell_on_failure));
        (void)json_object_set_new(got, "tag", or_null(in.tag));
        (void)json_object_set_new(got, "event", or_null(in.event));
        (void)json_object_set_new(got, "strict", json_boolean(in.strict));
        (void)json_object_set_new(got, "quiet", json_boolean(in.quiet));
        (void)json_object_set_new(got, "jobs", or_null(in.jobs));
        (void)json_object_set_new(got, "no_wait", json_boolean(in.no_wait));
        auto_free char *given = strvec_join(&inputs, " ");
        (void)json_object_set_new(got, "inputs", json_string(given));
        auto_free char *joined = strvec_join(&manual, " ");
        (void)json_object_set_new(got, "manual", json_string(joined));
        expect_members(got, lines[row].want);
    }
}

static void test_lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
        check_line(i);
}

/* A new command or option has a row above. */
static void test_no_command_is_forgotten(void **state)
{
    (void)state;
    for (const struct command *c = commands; c->name; c++) {
        bool found = false;
        for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
            found = found || (lines[i].want && lines[i].words[0] && strcmp(lines[i].words[0], c->name) == 0);
        if (!found)
            fail_msg("no line has the command '%s'", c->name);
    }
}

/* Columns on a terminal: bytes that do not continue a character. */
static size_t columns(const char *line, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++)
        n += ((unsigned char)line[i] & 0xc0) != 0x80;
    return n;
}

static void check_help(const struct command *c)
{
    auto_strbuf out = STRBUF_TEXT;
    command_help(c, &out);
    const char *text = strbuf_text(&out);
    assert_true(text_starts(text, "Usage: atelier "));
    assert_true(text_ends(text, "\n"));
    for (const char *line = text; *line;) {
        size_t len = strcspn(line, "\n");
        if (columns(line, len) > 80 || (len && line[len - 1] == ' '))
            fail_msg("%s: too long, or with a blank at its end: '%.*s'", c ? c->name : "all", (int)len, line);
        line += len + 1;
    }
    for (const char *letter = c ? c->options : ""; *letter; letter++) {
        auto_free char *option = xasprintf("\n  -%c, --", *letter);
        assert_non_null(strstr(text, option));
    }
    assert_non_null(strstr(text, "\n  -h, --help "));
    /* With many options of its own, what all commands have is one line. */
    if (!c || strlen(c->options) <= 16)
        assert_non_null(strstr(text, "\n  -c, --config FILE "));
    assert_int_equal(strstr(text, "--list") != NULL, c && strchr(c->options, 'l'));
}

static void test_help(void **state)
{
    (void)state;
    check_help(NULL);
    auto_strbuf all = STRBUF_TEXT;
    command_help(NULL, &all);
    for (const struct command *c = commands; c->name; c++) {
        print_message("    %s\n", c->name);
        check_help(c);
        assert_non_null(strstr(strbuf_text(&all), c->summary));
        assert_ptr_equal(command_find(c->name), c);
        assert_non_null(c->run);
    }
    assert_null(command_find("conf"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_no_command_is_forgotten),
        cmocka_unit_test(test_help),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
