#include "stages/pipeline/script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/support/script_case.h"

static void test_values_arrive_unharmed(void **state)
{
    static const char value[] = "it's \"q\" $HOME `id` \\n\nline 2\ttab caf\xc3\xa9 \x01";
    struct fixture *f = fixture_new();
    int code;

    (void)state;
    variables_add(&f->variables, "VALUE", value, 0);
    strvec_push(&f->script, "printf '<%s>' \"$VALUE\"");
    auto_free char *want = xasprintf("\033[32;1m$ printf '<%%s>' \"$VALUE\"\033[0;m\n<%s>", value);
    auto_free char *out = run_script(f, SUBSTAGE_STEPS, &code);
    assert_string_equal(out, want);
    assert_int_equal(code, 0);
    fixture_free(f);
}

static const struct {
    const char *script[3];
    const char *shows; /* something of the output */
    int code;
} runs[] = {
    { { "true" }, "$ true", 0 },
    { { "exit 7", "echo never" }, "$ exit 7", 7 },
    { { "false", "echo never" }, "$ false", 1 },
    { { "false | true" }, "$ false | true", 1 }, /* pipefail */
    { { "cd /", "pwd" }, "\n/\n", 0 },           /* one shell for all entries */
    { { "pwd" }, "/group/my project\n", 0 },
    { { "cat; echo empty" }, "\nempty\n", 0 },   /* the script itself is not on stdin */
    { { "  \n" }, "\n", 0 },
    { { "echo a\necho b" }, "$ echo a # collapsed multi-line command", 0 },
    { { "X=1", "echo x$X" }, "\nx1\n", 0 },
};

static void test_steps(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(runs); i++) {
        struct fixture *f = fixture_new();
        int code;
        for (size_t k = 0; runs[i].script[k]; k++)
            strvec_push(&f->script, runs[i].script[k]);
        auto_free char *out = run_script(f, SUBSTAGE_STEPS, &code);
        assert_int_equal(code, runs[i].code);
        if (!strstr(out, runs[i].shows))
            fail_msg("no '%s' in: %s", runs[i].shows, out);
        assert_null(strstr(out, "\nnever"));
        fixture_free(f);
    }
}

static void test_file_variables(void **state)
{
    struct fixture *f = fixture_new();
    auto_free char *path = xasprintf("%s/CERT", f->files);
    int code;

    (void)state;
    variables_add(&f->variables, "CERT", "line 1\nline 2", VARIABLE_FILE);
    strvec_push(&f->script, "echo \"$CERT\"; cat \"$CERT\"");
    auto_free char *want = xasprintf("\n%s\nline 1\nline 2", path);
    auto_free char *out = run_script(f, SUBSTAGE_STEPS, &code);
    assert_non_null(strstr(out, want));
    assert_int_equal(access(path, F_OK), 0);

    auto_free char *cleaned = run_script(f, SUBSTAGE_CLEANUP, &code);
    assert_string_equal(cleaned, "");
    assert_int_equal(access(path, F_OK), -1);
    fixture_free(f);
}

/* What a step writes to $GITLAB_ENV is there for after_script, and gone with the next job. */
static void test_gitlab_env(void **state)
{
    struct fixture *f = fixture_new();
    int code;

    (void)state;
    strvec_push(&f->script, "echo 'LATER=a $b \"c\"' >> \"$GITLAB_ENV\"");
    strvec_push(&f->after, "echo \"<$LATER>\"");
    free(run_script(f, SUBSTAGE_STEPS, &code));
    auto_free char *after = run_script(f, SUBSTAGE_AFTER_SCRIPT, &code);
    assert_non_null(strstr(after, "Running after script..."));
    assert_non_null(strstr(after, "\n<a $b \"c\">\n"));
    free(run_script(f, SUBSTAGE_PREPARE, &code));
    auto_free char *again = run_script(f, SUBSTAGE_AFTER_SCRIPT, &code);
    assert_non_null(strstr(again, "\n<>\n"));
    fixture_free(f);
}

static void test_prepare_names_the_host(void **state)
{
    struct fixture *f = fixture_new();
    int code;

    (void)state;
    f->src.hostname = "build \"host\" $(id)";
    auto_free char *out = run_script(f, SUBSTAGE_PREPARE, &code);
    assert_int_equal(strncmp(out, "Running on ", 11), 0);
    assert_non_null(strstr(out, " via build \"host\" $(id)...\n"));
    fixture_free(f);
}

/* Earlier jobs' sources go, whatever they were made into; nothing else does. */
static void test_prepare_removes_old_repositories(void **state)
{
    struct fixture *f = fixture_new();
    auto_free char *outside = xasprintf("%s/outside", f->dir);
    auto_free char *builds = xasprintf("%s/it's builds", f->dir);
    int code;

    (void)state;
    f->src.builds_dir = builds;
    static const char *const folders[] = { "outside", "it's builds/source-1.git/objects", "it's builds/source-2.git",
                                           "it's builds/group" };
    for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
        auto_free char *path = xasprintf("%s/%s", f->dir, folders[i]);
        assert_int_equal(dir_make(path, 0700, NULL), 0);
    }
    auto_free char *kept = xasprintf("%s/kept", outside);
    auto_free char *link = xasprintf("%s/source-3.git", builds);
    assert_int_equal(file_write(kept, "", 0, 0600, NULL), 0);
    assert_int_equal(symlink(outside, link), 0);
    free(run_script(f, SUBSTAGE_PREPARE, &code));
    assert_int_equal(code, 0);
    auto_free char *list = xasprintf("ls '%s/it'\\''s builds' '%s'", f->dir, outside);
    auto_free char *left = bash(list);
    assert_non_null(strstr(left, "builds:\ngroup\nsource-2.git\n"));
    assert_non_null(strstr(left, "outside:\nkept"));
    fixture_free(f);
}

/* Of this slot alone, and not this pipeline's. */
static void test_old_artifacts_go(void **state)
{
    static const char *const names[] = { "0-1", "0-2", "1-1", "10-1" };
    struct fixture *f = fixture_new();
    auto_free char *artifacts = xasprintf("%s/.artifacts", f->dir);
    int code;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        auto_free char *dir = xasprintf("%s/%s/1-j", artifacts, names[i]);
        assert_int_equal(dir_make(dir, 0700, NULL), 0);
    }
    f->src.artifacts = artifacts;
    f->src.pipeline = "0-2";
    auto_free char *out = run_script(f, SUBSTAGE_PREPARE, &code);
    assert_int_equal(code, 0);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        auto_free char *dir = xasprintf("%s/%s", artifacts, names[i]);
        assert_int_equal(access(dir, F_OK), i == 0 ? -1 : 0);
    }
    fixture_free(f);
}

static const struct {
    const char *variable, *value;
    const char *has, *has_not;
} sources[] = {
    { "X", "", "git fetch origin --no-recurse-submodules --depth 7 --prune --quiet\n", "rm -r -f $'my" },
    { "X", "", "git clean -ffdx\n", NULL },
    { "GIT_STRATEGY", "fetch", "git fetch", "unknown" },
    { "GIT_STRATEGY", "none", "Skipping Git repository setup", "git fetch" },
    { "GIT_STRATEGY", "empty", "Skipping Git repository setup", "git fetch" },
    { "GIT_STRATEGY", "clone", "git fetch", "unknown" },
    { "GIT_STRATEGY", "nonsense", "GIT_STRATEGY \\\'nonsense\\\' is unknown", NULL },
    { "GIT_CHECKOUT", "false", "Skipping Git checkout", "git clean" },
    { "GIT_CLEAN_FLAGS", "none", "checkout -f -q 0123456789abcdef\n", "git clean" },
    { "GIT_CLEAN_FLAGS", "-fd -e $x", "git clean -fd -e $'$x'\n", NULL },
    { "GIT_FETCH_EXTRA_FLAGS", "none", "--depth 7\n", "--prune" },
    { "GIT_LFS_SKIP_SMUDGE", "1", "checkout -f -q 0123456789abcdef\n", "git lfs" },
};

/* The body is one escaped word: read it back by the shell that will. */
static char *sources_body(const struct fixture *f)
{
    auto_free char *text = script_write(&f->src, SUBSTAGE_GET_SOURCES);
    char *word = strstr(text, "eval ");
    char *end = strstr(text, ") < /dev/null\n");

    assert_non_null(word);
    assert_non_null(end);
    *end = '\0';
    auto_free char *command = xasprintf("printf %%s %s", word + 5);
    return bash(command);
}

static void test_get_sources(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
        struct fixture *f = fixture_new();
        f->src.depth = 7;
        variables_add(&f->variables, sources[i].variable, sources[i].value, 0);
        auto_free char *body = sources_body(f);
        if (!strstr(body, sources[i].has))
            fail_msg("no '%s' in:\n%s", sources[i].has, body);
        if (sources[i].has_not && strstr(body, sources[i].has_not))
            fail_msg("'%s' in:\n%s", sources[i].has_not, body);
        fixture_free(f);
    }
}

/* With a script of the job's own before it, that script says the lines itself. */
static void test_a_snapshot_needs_no_script(void **state)
{
    static const char log[] = "\033[32;1mFetching changes with git depth set to 7...\033[0;m\n"
                              "\033[32;1mChecking out 01234567 as detached HEAD (ref is it's %s)...\033[0;m\n"
                              "\033[32;1mSkipping Git submodules setup\033[0;m\n";
    struct fixture *f = fixture_new();
    auto_strvec before = STRVEC_INIT;
    int code;

    (void)state;
    assert_true(script_is_needed(&f->src, SUBSTAGE_GET_SOURCES));
    f->src.depth = 7;
    f->src.ref = "it's %s";
    f->src.has_snapshot = true;
    f->src.pre_get_sources = &before;
    assert_false(script_is_needed(&f->src, SUBSTAGE_GET_SOURCES));
    auto_free char *said = script_unneeded_log(&f->src, SUBSTAGE_GET_SOURCES);
    assert_string_equal(said, log);
    strvec_push(&before, "echo before");
    assert_true(script_is_needed(&f->src, SUBSTAGE_GET_SOURCES));
    auto_free char *out = run_script(f, SUBSTAGE_GET_SOURCES, &code);
    auto_free char *want = xasprintf("\033[32;1m$ echo before\033[0;m\nbefore\n%s", log);
    assert_string_equal(out, want);
    assert_int_equal(code, 0);
    f->src.depth = 0;
    auto_free char *whole = script_unneeded_log(&f->src, SUBSTAGE_GET_SOURCES);
    assert_non_null(strstr(whole, "mFetching changes...\033"));
    fixture_free(f);
}

static void test_nothing_to_do_is_no_substage(void **state)
{
    static const enum substage all[] = { SUBSTAGE_RESTORE_CACHE, SUBSTAGE_DOWNLOAD, SUBSTAGE_AFTER_SCRIPT, SUBSTAGE_SAVE_CACHE,
                                         SUBSTAGE_SAVE_CACHE_ON_FAILURE, SUBSTAGE_UPLOAD, SUBSTAGE_UPLOAD_ON_FAILURE };
    const struct job_files none = { .n_caches = 0 };
    struct fixture *f = fixture_new();

    (void)state;
    f->src.files = &none;
    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        assert_false(script_is_needed(&f->src, all[i]));
    assert_null(script_unneeded_log(&f->src, SUBSTAGE_RESTORE_CACHE));
    assert_true(script_is_needed(&f->src, SUBSTAGE_STEPS));
    f->src.script = NULL;
    assert_false(script_is_needed(&f->src, SUBSTAGE_STEPS));
    fixture_free(f);
}

static void test_wrapper(void **state)
{
    struct fixture *f = fixture_new();

    (void)state;
    auto_free char *quiet = script_write(&f->src, SUBSTAGE_PREPARE);
    static const char start[] = "#!/usr/bin/env bash\n\ntrap 'exit 1' TERM\n\ncase ";
    assert_int_equal(strncmp(quiet, start, strlen(start)), 0);
    assert_non_null(strstr(quiet, "\n(trap 'exit 1' TERM; eval $'"));
    assert_non_null(strstr(quiet, ") < /dev/null\nexit 0\n"));
    variables_add(&f->variables, "CI_DEBUG_TRACE", "true", 0);
    auto_free char *trace = script_write(&f->src, SUBSTAGE_PREPARE);
    assert_non_null(strstr(trace, "\nset -o xtrace\n"));
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_arrive_unharmed),
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_file_variables),
        cmocka_unit_test(test_gitlab_env),
        cmocka_unit_test(test_prepare_names_the_host),
        cmocka_unit_test(test_prepare_removes_old_repositories),
        cmocka_unit_test(test_old_artifacts_go),
        cmocka_unit_test(test_get_sources),
        cmocka_unit_test(test_a_snapshot_needs_no_script),
        cmocka_unit_test(test_nothing_to_do_is_no_substage),
        cmocka_unit_test(test_wrapper),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
