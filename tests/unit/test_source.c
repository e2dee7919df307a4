#include "stages/pipeline/source.h"

#include "base/file.h"
#include "stages/pipeline/git.h"

#include <stdlib.h>
#include <unistd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* A repository of the test's own, and a folder to publish to. */
struct fixture {
    char *dir, *top, *bare;
    struct git git;
    struct checkout checkout;
};

static int set_up(void **state)
{
    struct fixture *f = xcalloc(1, sizeof(*f));

    assert_int_equal(dir_temporary("/tmp", "atelier-test-source", &f->dir, NULL), 0);
    f->top = xasprintf("%s/it's: a repo", f->dir);
    f->bare = xasprintf("%s/builds/source.git", f->dir);
    assert_int_equal(dir_make(f->top, 0700, NULL), 0);
    git_init(&f->git, f->top, environ);
    strvec_set_env(&f->git.env, "HOME", f->dir);
    assert_int_equal(git_run(&f->git, NULL, NULL, "init", "-q", "-b", "main", NULL), 0);
    assert_int_equal(git_run(&f->git, NULL, NULL, "config", "user.name", "Me", NULL), 0);
    assert_int_equal(git_run(&f->git, NULL, NULL, "config", "user.email", "me@x", NULL), 0);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    (void)dir_remove(f->dir, NULL);
    checkout_release(&f->checkout);
    git_release(&f->git);
    free(f->dir);
    free(f->top);
    free(f->bare);
    free(f);
    return 0;
}

static void put(const struct fixture *f, const char *name, const char *text)
{
    auto_free char *path = xasprintf("%s/%s", f->top, name);
    assert_int_equal(file_write(path, text, strlen(text), 0644, NULL), 0);
}

static void commit(const struct fixture *f, const char *message)
{
    assert_int_equal(git_run(&f->git, NULL, NULL, "add", "-A", NULL), 0);
    assert_int_equal(git_run(&f->git, NULL, NULL, "commit", "-qm", message, NULL), 0);
}

/* Take the sources and publish them; the pipeline's number is uid=0(root) gid=0(root) groups=0(root). */
static char *publish(struct fixture *f, int64_t id)
{
    auto_source s = SOURCE_INIT;
    auto_err e = ERR_INIT;

    checkout_release(&f->checkout);
    if (checkout_open(f->top, environ, &f->checkout, &e) < 0 ||
        source_take(&f->checkout, environ, f->dir, id, &s, &e) < 0 || source_publish(&s, f->bare, &e) < 0)
        fail_msg("%s", err_text(&e));
    return xstrdup(s.sha);
}

/* What is at a path of a commit in the bare repository, which must need nothing of ours; NULL: nothing. */
static char *content(const struct fixture *f, const char *commit_name, const char *path)
{
    auto_free char *object = xasprintf("%s:%s", commit_name, path);
    auto_free char *git_dir = xasprintf("--git-dir=%s", f->bare);
    return git_ask(&f->git, git_dir, "show", object, NULL);
}

static char *count_objects(const struct fixture *f)
{
    return git_ask(&f->git, "count-objects", "-v", NULL);
}

static void test_a_clean_checkout_is_head(void **state)
{
    struct fixture *f = *state;

    put(f, "a", "one");
    commit(f, "first");
    auto_free char *head = git_ask(&f->git, "rev-parse", "HEAD", NULL);
    auto_free char *sha = publish(f, 1);
    assert_string_equal(sha, head);
    auto_free char *a = content(f, "refs/heads/main", "a");
    auto_free char *same = content(f, "refs/pipelines/1", "a");
    assert_string_equal(a, "one");
    assert_string_equal(same, "one");
}

static void test_uncommitted_work_is_in_it(void **state)
{
    struct fixture *f = *state;

    put(f, "changed", "old");
    put(f, "removed", "x");
    put(f, ".gitignore", "*.o\n");
    commit(f, "first");
    put(f, "staged", "staged");
    assert_int_equal(git_run(&f->git, NULL, NULL, "add", "staged", NULL), 0);
    put(f, "changed", "new");
    put(f, "untracked", "untracked");
    put(f, "ignored.o", "x");
    auto_free char *removed = xasprintf("%s/removed", f->top);
    assert_int_equal(unlink(removed), 0);
    auto_free char *status = git_ask(&f->git, "status", "--porcelain", NULL);
    auto_free char *objects = count_objects(f);

    auto_free char *sha = publish(f, 1);
    auto_free char *again = publish(f, 2);
    assert_string_equal(sha, again);
    static const char *const there[][2] = { { "changed", "new" }, { "staged", "staged" }, { "untracked", "untracked" } };
    for (size_t i = 0; i < ARRAY_SIZE(there); i++) {
        auto_free char *text = content(f, sha, there[i][0]);
        assert_non_null(text);
        assert_string_equal(text, there[i][1]);
    }
    assert_null(content(f, sha, "removed"));
    assert_null(content(f, sha, "ignored.o"));
    assert_null(content(f, "refs/pipelines/1", "changed")); /* the earlier pipeline's is gone */

    auto_free char *status_after = git_ask(&f->git, "status", "--porcelain", NULL);
    auto_free char *objects_after = count_objects(f);
    assert_string_equal(status, status_after);
    assert_string_equal(objects, objects_after);
}

static void test_no_commit_yet(void **state)
{
    struct fixture *f = *state;

    put(f, "a", "one");
    auto_free char *sha = publish(f, 1);
    auto_free char *a = content(f, sha, "a");
    assert_string_equal(a, "one");
    assert_null(f->checkout.head);
    assert_string_equal(f->checkout.ref, "main");
}

static void test_a_branch_may_turn_into_a_folder(void **state)
{
    struct fixture *f = *state;

    put(f, "a", "one");
    commit(f, "first");
    assert_int_equal(git_run(&f->git, NULL, NULL, "checkout", "-qb", "topic", NULL), 0);
    free(publish(f, 1));
    assert_int_equal(git_run(&f->git, NULL, NULL, "branch", "-m", "topic/sub", NULL), 0);
    free(publish(f, 2));
    auto_free char *a = content(f, "refs/heads/topic/sub", "a");
    assert_string_equal(a, "one");
}

static void test_a_shallow_checkout(void **state)
{
    struct fixture *f = *state;

    put(f, "a", "one");
    commit(f, "first");
    put(f, "a", "two");
    commit(f, "second");
    auto_free char *clone = xasprintf("%s/clone", f->dir);
    auto_free char *url = xasprintf("file://%s", f->top);
    assert_int_equal(git_run(&f->git, NULL, NULL, "clone", "-q", "--depth", "1", url, clone, NULL), 0);
    free(f->top);
    f->top = take(&clone);
    f->git.dir = f->top;
    put(f, "b", "mine");
    auto_free char *sha = publish(f, 1);
    auto_free char *a = content(f, sha, "a");
    auto_free char *b = content(f, sha, "b");
    assert_string_equal(a, "two");
    assert_string_equal(b, "mine");
}

static void test_a_worktree(void **state)
{
    struct fixture *f = *state;

    put(f, "a", "one");
    commit(f, "first");
    auto_free char *tree = xasprintf("%s/tree", f->dir);
    assert_int_equal(git_run(&f->git, NULL, NULL, "worktree", "add", "-qb", "side", tree, NULL), 0);
    free(f->top);
    f->top = take(&tree);
    f->git.dir = f->top;
    put(f, "b", "mine");
    auto_free char *sha = publish(f, 1);
    auto_free char *b = content(f, sha, "b");
    assert_string_equal(b, "mine");
    assert_string_equal(f->checkout.ref, "side");
}

static void test_a_tag_and_a_detached_head(void **state)
{
    struct fixture *f = *state;

    put(f, "a", "one");
    commit(f, "first");
    assert_int_equal(git_run(&f->git, NULL, NULL, "checkout", "-q", "--detach", NULL), 0);
    free(publish(f, 1));
    assert_string_equal(f->checkout.ref, "detached");
    assert_int_equal(git_run(&f->git, NULL, NULL, "tag", "v1", NULL), 0);
    free(publish(f, 2));
    assert_string_equal(f->checkout.ref, "v1");
    assert_true(f->checkout.is_tag);
    auto_free char *a = content(f, "refs/tags/v1", "a");
    assert_string_equal(a, "one");
}

static void test_a_broken_bare_repository_is_mended(void **state)
{
    struct fixture *f = *state;
    auto_free char *head = xasprintf("%s/HEAD", f->bare);

    put(f, "a", "one");
    commit(f, "first");
    free(publish(f, 1));
    assert_int_equal(file_write(head, "nonsense", 8, 0600, NULL), 0);
    auto_free char *sha = publish(f, 2);
    auto_free char *a = content(f, sha, "a");
    assert_string_equal(a, "one");
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

static void test_no_repository(void **state)
{
    struct fixture *f = *state;
    auto_err e = ERR_INIT;

    assert_int_equal(checkout_open(f->dir, environ, &f->checkout, &e), -1);
    assert_int_equal(e.kind, ERR_JOB);
    assert_non_null(strstr(err_text(&e), "git init"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_clean_checkout_is_head),
        TEST(test_uncommitted_work_is_in_it),
        TEST(test_no_commit_yet),
        TEST(test_a_branch_may_turn_into_a_folder),
        TEST(test_a_shallow_checkout),
        TEST(test_a_worktree),
        TEST(test_a_tag_and_a_detached_head),
        TEST(test_a_broken_bare_repository_is_mended),
        TEST(test_the_callers_git_variables_are_left_out),
        TEST(test_no_repository),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
