#include "stages/pipeline/script.h"

#include "base/file.h"
#include "base/process.h"

#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* Run a script by bash; its standard output, the caller's. */
static char *bash(const char *script)
{
    const char *const argv[] = { "bash", "-c", script, NULL };
    auto_strbuf out = STRBUF_INIT(1 << 20);
    auto_err e = ERR_INIT;

    if (process_capture(argv, NULL, NULL, &out, &e) < 0)
        fail_msg("%s", err_text(&e));
    return strbuf_take(&out);
}

/* A job's scripts in a folder of the test's own. */
struct fixture {
    char *dir;
    char *project;
    char *files;
    struct variables variables;
    struct strvec script, after, refspecs;
    struct script_source src;
};

static struct fixture *fixture_new(void)
{
    struct fixture *f = xcalloc(1, sizeof(*f));

    assert_int_equal(dir_temporary("/tmp", "atelier-test-script", &f->dir, NULL), 0);
    f->project = xasprintf("%s/group/my project", f->dir);
    f->files = xasprintf("%s.tmp", f->project);
    assert_int_equal(dir_make(f->project, 0700, NULL), 0);
    f->src = (struct script_source){
        .variables = &f->variables, .shell = "bash", .project_dir = f->project, .files_dir = f->files,
        .builds_dir = f->dir, .repository = "source-2.git", .sha = "0123456789abcdef", .ref = "main", .refspecs = &f->refspecs,
        .script = &f->script, .after_script = &f->after,
    };
    return f;
}

static void fixture_free(struct fixture *f)
{
    (void)dir_remove(f->dir, NULL);
    free(f->dir);
    free(f->project);
    free(f->files);
    variables_release(&f->variables);
    strvec_release(&f->script);
    strvec_release(&f->after);
    strvec_release(&f->refspecs);
    free(f);
}

/* Output and code of a sub-stage's script, fed on standard input as a container's shell gets it. */
static char *run_script(const struct fixture *f, enum substage s, int *code)
{
    auto_free char *text = script_write(&f->src, s);
    auto_free char *path = xasprintf("%s/script", f->dir);
    auto_free char *command = xasprintf("bash < %s 2>&1; printf '\\003%%d' $?", path);

    assert_int_equal(file_write(path, text, strlen(text), 0600, NULL), 0);
    char *out = bash(command);
    char *end = strrchr(out, '\003');
    assert_non_null(end);
    *code = end[1] - '0';
    *end = '\0';
    return out;
}

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

/* ---- Caches and artifacts ---- */

/* A gitlab-runner that shows how it is called, and fails when the file `fails` holds a part of its arguments. */
static void fake_helper(struct fixture *f, const char *fails)
{
    auto_free char *path = xasprintf("%s/gitlab-runner", f->dir);
    auto_free char *text = xasprintf("#!/bin/sh\n[ \"$1\" != --version ] || exit 0\nprintf '%%s' \"> $1\"\nshift\n"
                                     "printf ' <%%s>' \"$@\"\necho\ncase \"$*\" in *%s*) exit 1;; esac\n", fails);
    auto_free char *search = xasprintf("%s:%s", f->dir, getenv("PATH"));

    assert_int_equal(file_write(path, text, strlen(text), 0700, NULL), 0);
    variables_add(&f->variables, "PATH", search, 0);
}

#define GREEN(text)  "\033[32;1m" text "\033[0;m\n"
#define YELLOW(text) "\033[0;33m" text "\033[0;m\n"

/* Two caches: one with fallbacks, and one that this job only writes. */
static void plan_caches(struct ci_cache rules[2], struct job_cache caches[2], struct job_files *files)
{
    static const char *const keys[] = { "k-non_protected", "old", "" };

    strvec_push(&rules[0].paths, "a b/");
    strvec_push(&rules[0].paths, "$X");
    rules[0].untracked = true;
    rules[1].when = WHEN_ALWAYS;
    strvec_push(&rules[1].paths, "w");
    for (size_t i = 0; i < 2; i++)
        caches[i].rules = &rules[i];
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        strvec_push(&caches[0].keys, keys[i]);
        strvec_pushf(&caches[0].files, "../c/%s/cache.zip", keys[i]);
    }
    strvec_push(&caches[1].keys, "w");
    strvec_push(&caches[1].files, "../c/w/cache.zip");
    strvec_push(&caches[0].notes, "a note");
    caches[0].pulls = caches[0].pushes = caches[1].pushes = true;
    *files = (struct job_files){ .caches = caches, .n_caches = 2, .cache_timeout = 10 };
}

static void forget_caches(struct ci_cache rules[2], struct job_cache caches[2])
{
    for (size_t i = 0; i < 2; i++) {
        strvec_release(&rules[i].paths);
        strvec_release(&caches[i].keys);
        strvec_release(&caches[i].files);
        strvec_release(&caches[i].notes);
    }
}

static void check_substage(struct fixture *f, const struct job_files *files, enum substage s, int want_code, const char *want)
{
    int code;

    f->src.files = files;
    assert_true(script_is_needed(&f->src, s));
    auto_free char *out = run_script(f, s, &code);
    assert_string_equal(out, want);
    assert_int_equal(code, want_code);
}

static void test_caches(void **state)
{
    struct ci_cache rules[2] = { 0 };
    struct job_cache caches[2] = { 0 };
    struct job_files files;
    struct fixture *f = fixture_new();

    (void)state;
    plan_caches(rules, caches, &files);
    fake_helper(f, "k-non_protected");
    check_substage(f, &files, SUBSTAGE_RESTORE_CACHE, 0,
                   YELLOW("WARNING: a note") GREEN("Checking cache for k-non_protected...")
                   "> cache-extractor <--file> <../c/k-non_protected/cache.zip> <--timeout> <10>\n"
                   YELLOW("Failed to extract cache") GREEN("Checking cache for old...")
                   "> cache-extractor <--file> <../c/old/cache.zip> <--timeout> <10>\n"
                   GREEN("Successfully extracted cache") GREEN("Not downloading cache w due to policy"));
    check_substage(f, &files, SUBSTAGE_SAVE_CACHE, 0,
                   GREEN("Creating cache k-non_protected...")
                   "> cache-archiver <--file> <../c/k-non_protected/cache.zip> <--timeout> <10> <--path> <a b/> <--path> <$X>"
                   " <--untracked> <--metadata> <{\"cachekey\":\"k-non_protected\"}>\n"
                   YELLOW("Failed to create cache") GREEN("Creating cache w...")
                   "> cache-archiver <--file> <../c/w/cache.zip> <--timeout> <10> <--path> <w> <--metadata>"
                   " <{\"cachekey\":\"w\"}>\n" GREEN("Created cache"));
    caches[1].pushes = false;
    check_substage(f, &files, SUBSTAGE_SAVE_CACHE_ON_FAILURE, 0, GREEN("Not uploading cache w due to policy"));
    forget_caches(rules, caches);
    fixture_free(f);
}

static void test_artifacts(void **state)
{
    char *paths[] = { (char *)(uintptr_t)"out/*", (char *)(uintptr_t)"x y" };
    char *report[] = { (char *)(uintptr_t)"j.xml" };
    struct ci_artifacts rules = { .untracked = true };
    struct job_upload uploads[] = {
        { "archive", "zip", (char *)(uintptr_t)"$N", WHEN_ON_SUCCESS, &rules, paths, 2 },
        { "junit", "gzip", (char *)(uintptr_t)"junit.xml", WHEN_ALWAYS, NULL, report, 1 },
    };
    struct job_download downloads[] = { { "b c", 7, (char *)(uintptr_t)"file:///c/1-b" }, { "d", 8, (char *)(uintptr_t)"file:///c/2" } };
    const struct job_files files = { .uploads = uploads, .n_uploads = 2, .downloads = downloads, .n_downloads = 2,
                                     .url = (char *)(uintptr_t)"file:///c/3-me" };
    struct fixture *f = fixture_new();

    (void)state;
    strvec_push(&rules.exclude, "*.o");
    fake_helper(f, "c/2");
    check_substage(f, &files, SUBSTAGE_DOWNLOAD, 1,
                   GREEN("Downloading artifacts for b c (7)...") "> artifacts-downloader <--url> <file:///c/1-b> <--id> <7>\n"
                   GREEN("Downloading artifacts for d (8)...") "> artifacts-downloader <--url> <file:///c/2> <--id> <8>\n");
#define REPORT                                                                                                          \
    GREEN("Uploading artifacts...") "> artifacts-uploader <--url> <file:///c/3-me> <--path> <j.xml> <--name> <junit.xml>" \
    " <--artifact-format> <gzip> <--artifact-type> <junit>\n"
    check_substage(f, &files, SUBSTAGE_UPLOAD, 0,
                   GREEN("Uploading artifacts...")
                   "> artifacts-uploader <--url> <file:///c/3-me> <--path> <out/*> <--path> <x y> <--exclude> <*.o>"
                   " <--untracked> <--name> <$N> <--artifact-format> <zip> <--artifact-type> <archive>\n" REPORT);
    check_substage(f, &files, SUBSTAGE_UPLOAD_ON_FAILURE, 0, REPORT);
    strvec_release(&rules.exclude);
    fixture_free(f);
}

/* It may be another user's by then, and `get_sources` did not say so. */
static void test_git_trusts_a_snapshot_that_it_is_asked_about(void **state)
{
    static const struct {
        bool has_snapshot, untracked, trusts;
    } cases[] = { { true, true, true }, { true, false, false }, { false, true, false } };
    struct fixture *f = fixture_new();

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct ci_artifacts rules = { .untracked = cases[i].untracked };
        struct job_upload upload = { .when = WHEN_ALWAYS, .archive = &rules };
        const struct job_files files = { .uploads = &upload, .n_uploads = 1 };
        f->src.files = &files;
        f->src.has_snapshot = cases[i].has_snapshot;
        auto_free char *script = script_write(&f->src, SUBSTAGE_CLEANUP);
        assert_null(strstr(script, "safe.directory"));
        auto_free char *asking = script_write(&f->src, SUBSTAGE_DOWNLOAD);
        assert_int_equal(strstr(asking, "safe.directory") != NULL, cases[i].trusts);
    }
    fixture_free(f);
}

static void test_a_missing_helper_is_a_line(void **state)
{
    char *report[] = { (char *)(uintptr_t)"j.xml" };
    struct job_upload uploads[] = { { "junit", "gzip", (char *)(uintptr_t)"j", WHEN_ALWAYS, NULL, report, 1 } };
    const struct job_files files = { .uploads = uploads, .n_uploads = 1, .url = (char *)(uintptr_t)"file:///c" };
    struct fixture *f = fixture_new();

    (void)state;
    strvec_push(&f->script, "true");
    fake_helper(f, "x");
    auto_free char *path = xasprintf("%s/gitlab-runner", f->dir);
    assert_int_equal(file_write(path, "#!/bin/sh\nexit 1\n", 17, 0700, NULL), 0);
    check_substage(f, &files, SUBSTAGE_UPLOAD, 0, YELLOW("Missing gitlab-runner. Uploading artifacts is disabled."));
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
        cmocka_unit_test(test_get_sources),
        cmocka_unit_test(test_a_snapshot_needs_no_script),
        cmocka_unit_test(test_wrapper),
        cmocka_unit_test(test_caches),
        cmocka_unit_test(test_artifacts),
        cmocka_unit_test(test_git_trusts_a_snapshot_that_it_is_asked_about),
        cmocka_unit_test(test_a_missing_helper_is_a_line),
        cmocka_unit_test(test_nothing_to_do_is_no_substage),
        cmocka_unit_test(test_old_artifacts_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
