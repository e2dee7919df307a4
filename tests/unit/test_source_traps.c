/* Nothing that a job planted in its sources, or that whoever calls us has set, is followed. */
#include "base/process.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/support/source_case.h"

/* An executable that leaves a mark wherever it is run. */
static void trap(const struct fixture *f, const char *dir, const char *name)
{
    auto_free char *path = xasprintf("%s/%s", dir, name);
    auto_free char *text = xasprintf("#!/bin/sh\ntouch '%s/escaped'\n", f->dir);

    assert_int_equal(dir_make(dir, 0700, NULL), 0);
    assert_int_equal(file_write(path, text, strlen(text), 0755, NULL), 0);
}

static void set_traps(const struct fixture *f, const char *dir)
{
    static const char *const names[] = {
        "pre-receive", "update",       "post-receive",          "post-update", "proc-receive", "pre-push",
        "pre-auto-gc", "push-to-checkout", "reference-transaction", "fsmonitor",
    };

    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        trap(f, dir, names[i]);
}

static bool escaped(const struct fixture *f)
{
    auto_free char *mark = xasprintf("%s/escaped", f->dir);
    return access(mark, F_OK) == 0;
}

/* A job writes in what it got: it must reach neither the host nor the next job. */
static void test_what_a_job_plants_stays_its_own(void **state)
{
    struct fixture *f = *state;

    put(f, "a", "one");
    commit(f, "first");
    free(publish(f, 1));
    auto_free char *hooks = xasprintf("%s/hooks", f->bare);
    auto_free char *fsmonitor = xasprintf("%s/fsmonitor", hooks);
    auto_free char *config = xasprintf("%s/config", f->bare);
    auto_free char *alternates = xasprintf("%s/objects/info/alternates", f->bare);
    set_traps(f, hooks);
    assert_int_equal(git_run(&f->git, NULL, NULL, "config", "-f", config, "core.hooksPath", hooks, NULL), 0);
    assert_int_equal(git_run(&f->git, NULL, NULL, "config", "-f", config, "core.fsmonitor", fsmonitor, NULL), 0);
    assert_int_equal(git_run(&f->git, NULL, NULL, "config", "-f", config, "core.alternateRefsCommand", fsmonitor, NULL), 0);
    assert_int_equal(file_write(alternates, "/nowhere\n", 9, 0600, NULL), 0);
    /* Files that it shared with others would be cut off for those as well. */
    auto_free char *objects = xasprintf("%s/objects", f->bare);
    const char *const argv[] = { "find", ".", "-type", "f", "-exec", "chmod", "u+w", "{}", "+",
                                 "-exec", "truncate", "-s", "0", "{}", "+", NULL };
    auto_strbuf nothing = STRBUF_TEXT;
    assert_int_equal(process_capture(argv, objects, NULL, &nothing, NULL), 0);

    put(f, "a", "two");
    auto_free char *sha = publish(f, 2);
    auto_free char *a = content(f, sha, "a");
    assert_string_equal(a, "two");
    assert_false(escaped(f));
    auto_free char *next = xasprintf("%s/hooks", f->bare);
    assert_int_equal(access(next, F_OK), -1);
}

/* Whatever is at the place already is not ours to write through, to replace or to remove. */
static void test_a_taken_name_is_left_alone(void **state)
{
    struct fixture *f = *state;
    auto_free char *victim = xasprintf("%s/victim", f->dir);
    auto_free char *kept = xasprintf("%s/kept", victim);
    auto_free char *link = xasprintf("%s/source-link.git", f->builds);
    auto_free char *folder = xasprintf("%s/source-folder.git/x", f->builds);
    auto_source s = SOURCE_INIT;

    put(f, "a", "one");
    commit(f, "first");
    assert_int_equal(dir_make(victim, 0700, NULL), 0);
    assert_int_equal(file_write(kept, "x", 1, 0600, NULL), 0);
    assert_int_equal(symlink(victim, link), 0);
    assert_int_equal(dir_make(folder, 0700, NULL), 0);
    assert_int_equal(checkout_open(f->top, NULL, environ, &f->checkout, NULL), 0);
    assert_int_equal(source_take(&f->checkout, environ, f->dir, 1, &s, NULL), 0);
    static const char *const taken[] = { "source-link.git", "source-folder.git" };
    for (size_t i = 0; i < ARRAY_SIZE(taken); i++) {
        auto_err e = ERR_INIT;
        assert_int_equal(source_publish(&s, f->builds, taken[i], &e), -1);
        assert_non_null(strstr(err_text(&e), taken[i]));
    }
    assert_int_equal(access(kept, F_OK), 0);
    assert_int_equal(access(folder, F_OK), 0);
    assert_int_equal(rmdir(folder), 0);
    assert_int_equal(source_publish(&s, f->builds, "source-1.git", NULL), 0);
}

/* Nor do the user's own settings count in a repository of ours. */
static void test_the_callers_hooks_are_not_run(void **state)
{
    struct fixture *f = *state;
    auto_free char *hooks = xasprintf("%s/hooks", f->dir);
    auto_free char *config = xasprintf("%s/.gitconfig", f->dir);

    put(f, "a", "one");
    commit(f, "first");
    set_traps(f, hooks);
    assert_int_equal(git_run(&f->git, NULL, NULL, "config", "-f", config, "core.hooksPath", hooks, NULL), 0);
    assert_int_equal(setenv("GIT_CONFIG_GLOBAL", config, 1), 0);
    free(publish(f, 1));
    (void)unsetenv("GIT_CONFIG_GLOBAL");
    assert_false(escaped(f));
}

/* A git hook that calls us has these set: they must not lead us into its repository. */
static void test_the_callers_git_variables_are_left_out(void **state)
{
    struct fixture *f = *state;

    put(f, "a", "one");
    commit(f, "first");
    assert_int_equal(setenv("GIT_DIR", "/nowhere", 1), 0);
    assert_int_equal(setenv("GIT_INDEX_FILE", "/nowhere/index", 1), 0);
    auto_free char *sha = publish(f, 1);
    (void)unsetenv("GIT_DIR");
    (void)unsetenv("GIT_INDEX_FILE");
    assert_non_null(sha);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_callers_git_variables_are_left_out),
        TEST(test_what_a_job_plants_stays_its_own),
        TEST(test_a_taken_name_is_left_alone),
        TEST(test_the_callers_hooks_are_not_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
