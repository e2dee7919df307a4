/* What a pipeline's jobs get of a checkout, whatever state it is in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/support/source_case.h"

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

/* The fixture's checkout is a clone of what it was, from now on. */
static void turn_into_clone(struct fixture *f, const char *how)
{
    auto_free char *clone = xasprintf("%s/clone", f->dir);
    auto_free char *from = xasprintf("file://%s", f->top);

    assert_int_equal(git_run(&f->git, NULL, NULL, "clone", "-q", "--no-single-branch", how, from, clone, NULL), 0);
    free(f->top);
    f->top = take(&clone);
    f->git.dir = f->top;
}

/* Tags and branches whose history ends elsewhere; and what was cut off comes later. */
static void test_a_shallow_checkout(void **state)
{
    struct fixture *f = *state;

    put(f, "a", "one");
    commit(f, "first");
    put(f, "a", "two");
    commit(f, "second");
    assert_int_equal(git_run(&f->git, NULL, NULL, "checkout", "-qb", "side", "HEAD~1", NULL), 0);
    put(f, "a", "side");
    commit(f, "third");
    assert_int_equal(git_run(&f->git, NULL, NULL, "tag", "v1", "main", NULL), 0);
    turn_into_clone(f, "--depth=1");
    assert_int_equal(git_run(&f->git, NULL, NULL, "branch", "-q", "main", "origin/main", NULL), 0);
    free(publish(f, 1));
    put(f, "b", "mine");
    for (int id = 2; id < 4; id++) {
        auto_free char *sha = publish(f, id);
        auto_free char *a = content(f, sha, "a");
        auto_free char *b = content(f, "refs/heads/side", "b");
        assert_string_equal(a, "side");
        assert_string_equal(b, "mine");
        assert_null(content(f, "refs/heads/side~2", "a"));
    }
    assert_int_equal(git_run(&f->git, NULL, NULL, "stash", "-qu", NULL), 0);
    assert_int_equal(git_run(&f->git, NULL, NULL, "checkout", "-q", "v1", NULL), 0);
    free(publish(f, 4));
    auto_free char *tagged = content(f, "refs/tags/v1", "a");
    assert_string_equal(tagged, "two");
    assert_int_equal(git_run(&f->git, NULL, NULL, "fetch", "-q", "--unshallow", NULL), 0);
    free(publish(f, 5));
    auto_free char *first = content(f, "refs/heads/side~1", "a");
    assert_string_equal(first, "one");
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

static void test_a_broken_store_is_mended(void **state)
{
    struct fixture *f = *state;
    auto_free char *head = xasprintf("%s.source.git/HEAD", f->builds);
    auto_free char *draft = xasprintf("%s.draft.git/objects", f->builds);
    auto_free char *half = xasprintf("%s/half", draft);

    put(f, "a", "one");
    commit(f, "first");
    free(publish(f, 1));
    assert_int_equal(file_write(head, "nonsense", 8, 0600, NULL), 0);
    assert_int_equal(dir_make(draft, 0700, NULL), 0);
    assert_int_equal(file_write(half, "x", 1, 0600, NULL), 0);
    auto_free char *sha = publish(f, 2);
    auto_free char *a = content(f, sha, "a");
    assert_string_equal(a, "one");
    auto_free char *copied = xasprintf("%s/objects/half", f->bare);
    assert_int_equal(access(copied, F_OK), -1);
}

/* `git fetch --unshallow` and `git fetch origin main` in a job. */
static void test_branches_and_tags_are_in_it(void **state)
{
    struct fixture *f = *state;

    put(f, "a", "one");
    commit(f, "first");
    assert_int_equal(git_run(&f->git, NULL, NULL, "tag", "-am", "One", "v1", NULL), 0);
    assert_int_equal(git_run(&f->git, NULL, NULL, "branch", "old", NULL), 0);
    assert_int_equal(git_run(&f->git, NULL, NULL, "checkout", "-qb", "topic", NULL), 0);
    put(f, "a", "two");
    free(publish(f, 1));
    assert_int_equal(git_run(&f->git, NULL, NULL, "branch", "-D", "-q", "old", NULL), 0);
    auto_free char *sha = publish(f, 2);
    static const char *const there[][2] = { { "refs/heads/main", "one" }, { "refs/tags/v1", "one" },
                                            { "refs/heads/topic", "two" }, { "refs/heads/topic~1", "one" } };
    for (size_t i = 0; i < ARRAY_SIZE(there); i++) {
        auto_free char *a = content(f, there[i][0], "a");
        assert_non_null(a);
        assert_string_equal(a, there[i][1]);
    }
    assert_null(content(f, "refs/heads/old", "a"));
    assert_null(content(f, "refs/pipelines/1", "a"));
    auto_free char *top = content(f, "refs/pipelines/2", "a");
    assert_string_equal(top, "two");
}

static void test_sha256(void **state)
{
    struct fixture *f = *state;
    auto_free char *git = xasprintf("%s/.git", f->top);

    assert_int_equal(dir_remove(git, NULL), 0);
    assert_int_equal(git_run(&f->git, NULL, NULL, "init", "-q", "--object-format=sha256", NULL), 0);
    put(f, "a", "one");
    auto_free char *sha = publish(f, 1);
    auto_free char *a = content(f, sha, "a");
    assert_int_equal(strlen(sha), 64);
    assert_string_equal(a, "one");
}

/* What a partial clone lacks is got from where it came from, and not into the clone. */
static void test_a_partial_clone(void **state)
{
    struct fixture *f = *state;

    put(f, "a", "one");
    commit(f, "first");
    put(f, "a", "two");
    commit(f, "second");
    assert_int_equal(git_run(&f->git, NULL, NULL, "config", "uploadpack.allowFilter", "true", NULL), 0);
    turn_into_clone(f, "--filter=blob:none");
    auto_free char *objects = count_objects(f);
    auto_free char *sha = publish(f, 1);
    auto_free char *before = xasprintf("%s~1", sha);
    auto_free char *a = content(f, before, "a");
    assert_non_null(a);
    assert_string_equal(a, "one");
    auto_free char *objects_after = count_objects(f);
    assert_string_equal(objects, objects_after);
}

static void test_no_repository(void **state)
{
    struct fixture *f = *state;
    auto_err e = ERR_INIT;

    assert_int_equal(checkout_open(f->dir, NULL, environ, &f->checkout, &e), -1);
    assert_int_equal(e.kind, ERR_JOB);
    assert_non_null(strstr(err_text(&e), "git init"));
}

static void test_another_branch(void **state)
{
    struct fixture *f = *state;
    auto_source s = SOURCE_INIT;
    auto_err e = ERR_INIT;

    put(f, "a", "one");
    commit(f, "first");
    assert_int_equal(git_run(&f->git, NULL, NULL, "branch", "old", NULL), 0);
    assert_int_equal(git_run(&f->git, NULL, NULL, "update-ref", "refs/remotes/origin/far", "HEAD", NULL), 0);
    auto_free char *old = git_ask(&f->git, "rev-parse", "HEAD", NULL);
    put(f, "a", "two");
    commit(f, "second");
    put(f, "a", "three");
    static const char *const names[] = { "old", "far" };
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        checkout_release(&f->checkout);
        source_release(&s);
        if (checkout_open(f->top, names[i], environ, &f->checkout, &e) < 0 ||
            source_take(&f->checkout, environ, f->dir, 1, &s, &e) < 0)
            fail_msg("%s", err_text(&e));
        assert_int_equal(f->checkout.sources, SOURCES_COMMIT);
        assert_string_equal(f->checkout.ref, names[i]);
        assert_string_equal(f->checkout.message, "first");
        assert_string_equal(s.sha, old);
        assert_false(s.changed);
        auto_free char *there = checkout_show(&f->checkout, "a", environ);
        assert_string_equal(there, "one");
        assert_null(checkout_show(&f->checkout, "b", environ));
    }
    assert_int_equal(source_publish(&s, f->builds, "far.git", &e), 0);
    auto_free char *bare = xasprintf("--git-dir=%s/far.git", f->builds);
    auto_free char *published = git_ask(&f->git, bare, "show", "far:a", NULL);
    assert_string_equal(published, "one");
}

static void test_a_branch_that_is_none_yet(void **state)
{
    struct fixture *f = *state;
    auto_source s = SOURCE_INIT;

    put(f, "a", "one");
    commit(f, "first");
    put(f, "a", "two");
    checkout_release(&f->checkout);
    assert_int_equal(checkout_open(f->top, "new", environ, &f->checkout, NULL), 0);
    assert_int_equal(f->checkout.sources, SOURCES_AS_BRANCH);
    assert_string_equal(f->checkout.ref, "new");
    assert_int_equal(source_take(&f->checkout, environ, f->dir, 1, &s, NULL), 0);
    assert_true(s.changed);
}

/* The key of patterns, "," between them. */
static char *hash(struct fixture *f, const char *patterns, bool by_commits)
{
    auto_source s = SOURCE_INIT;
    auto_strvec list = STRVEC_INIT;
    auto_err e = ERR_INIT;
    char *out = NULL;

    for (const char *at = patterns; *at; at += strcspn(at, ","), at += *at == ',')
        strvec_give(&list, xstrndup(at, strcspn(at, ",")));
    checkout_release(&f->checkout);
    if (checkout_open(f->top, NULL, environ, &f->checkout, &e) < 0 ||
        source_take(&f->checkout, environ, f->dir, 1, &s, &e) < 0 || source_hash(&s, &list, by_commits, &out, &e) < 0)
        fail_msg("%s", err_text(&e));
    return out;
}

static void test_a_key_of_files(void **state)
{
    struct fixture *f = *state;
    auto_free char *deep = xasprintf("%s/deep/er", f->top);

    assert_int_equal(dir_make(deep, 0700, NULL), 0);
    put(f, "lock a", "one");
    put(f, "deep/er/lock", "one");
    put(f, "other", "x");
    commit(f, "first");
    auto_free char *first = hash(f, "lock a,deep/er/lock", false);
    auto_free char *turned = hash(f, "deep/er/lock,lock a", false);
    auto_free char *pattern = hash(f, "**/lock", false);
    auto_free char *deeper = hash(f, "deep/er/lock", false);
    auto_free char *commits = hash(f, "lock a", true);
    assert_int_equal(strlen(first), 40);
    assert_int_equal(strlen(commits), 40);
    assert_string_equal(first, turned);
    assert_string_equal(pattern, deeper);
    assert_string_not_equal(first, deeper);
    assert_null(hash(f, "nothing,../out", false));
    assert_null(hash(f, "nothing", true));

    put(f, "other", "y"); /* not committed: it is no matter of theirs */
    auto_free char *same = hash(f, "lock a,deep/er/lock", false);
    auto_free char *same_commits = hash(f, "lock a", true);
    assert_string_equal(same, first);
    assert_string_equal(same_commits, commits);
    put(f, "lock a", "two");
    auto_free char *changed = hash(f, "lock a,deep/er/lock", false);
    auto_free char *changed_commits = hash(f, "lock a", true);
    assert_string_not_equal(changed, first);
    assert_string_not_equal(changed_commits, commits);
    put(f, "lock a", "one");
    commit(f, "second");
    auto_free char *back = hash(f, "lock a,deep/er/lock", false);
    assert_string_equal(back, first);
}

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
        TEST(test_another_branch),
        TEST(test_a_branch_that_is_none_yet),
        TEST(test_a_broken_store_is_mended),
        TEST(test_branches_and_tags_are_in_it),
        TEST(test_sha256),
        TEST(test_a_partial_clone),
        TEST(test_no_repository),
        TEST(test_a_key_of_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
