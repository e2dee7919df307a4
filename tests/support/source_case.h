/* tests/support/source_case.h: a repository of the test's own, whose sources are taken and published.
 *
 * Include after cmocka.h. */
#ifndef TESTS_SOURCE_CASE_H
#define TESTS_SOURCE_CASE_H

#include "base/file.h"
#include "stages/pipeline/git.h"
#include "stages/pipeline/source.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct fixture {
    char *dir, *top, *builds;
    char *bare; /* what was published last */
    int published;
    struct git git;
    struct checkout checkout;
};

static inline int set_up(void **state)
{
    struct fixture *f = xcalloc(1, sizeof(*f));

    assert_int_equal(dir_temporary("/tmp", "atelier-test-source", &f->dir, NULL), 0);
    f->top = xasprintf("%s/it's: a repo", f->dir);
    f->builds = xasprintf("%s/builds/it's: 0", f->dir);
    assert_int_equal(dir_make(f->top, 0700, NULL), 0);
    assert_int_equal(dir_make(f->builds, 0700, NULL), 0);
    git_init(&f->git, f->top, environ);
    strvec_set_env(&f->git.env, "HOME", f->dir);
    assert_int_equal(git_run(&f->git, NULL, NULL, "init", "-q", "-b", "main", NULL), 0);
    assert_int_equal(git_run(&f->git, NULL, NULL, "config", "user.name", "Me", NULL), 0);
    assert_int_equal(git_run(&f->git, NULL, NULL, "config", "user.email", "me@x", NULL), 0);
    *state = f;
    return 0;
}

static inline int tear_down(void **state)
{
    struct fixture *f = *state;

    (void)dir_remove(f->dir, NULL);
    checkout_release(&f->checkout);
    git_release(&f->git);
    free(f->dir);
    free(f->top);
    free(f->builds);
    free(f->bare);
    free(f);
    return 0;
}

static inline void put(const struct fixture *f, const char *name, const char *text)
{
    auto_free char *path = xasprintf("%s/%s", f->top, name);
    assert_int_equal(file_write(path, text, strlen(text), 0644, NULL), 0);
}

static inline void commit(const struct fixture *f, const char *message)
{
    assert_int_equal(git_run(&f->git, NULL, NULL, "add", "-A", NULL), 0);
    assert_int_equal(git_run(&f->git, NULL, NULL, "commit", "-qm", message, NULL), 0);
}

/* Take the sources and publish them as two jobs of the pipeline `id` get them; the commit, the caller's. */
static inline char *publish(struct fixture *f, int64_t id)
{
    auto_source s = SOURCE_INIT;
    auto_err e = ERR_INIT;

    checkout_release(&f->checkout);
    if (checkout_open(f->top, NULL, environ, &f->checkout, &e) < 0 ||
        source_take(&f->checkout, environ, f->dir, id, &s, &e) < 0)
        fail_msg("%s", err_text(&e));
    for (int job = 0; job < 2; job++) {
        auto_free char *name = xasprintf("source-%d.git", ++f->published);
        free(f->bare);
        f->bare = xasprintf("%s/%s", f->builds, name);
        if (source_publish(&s, f->builds, name, &e) < 0)
            fail_msg("%s", err_text(&e));
    }
    return xstrdup(s.sha);
}

/* What is at a path of a commit in the bare repository, which must need nothing of ours; NULL: nothing. */
static inline char *content(const struct fixture *f, const char *commit_name, const char *path)
{
    auto_free char *object = xasprintf("%s:%s", commit_name, path);
    auto_free char *git_dir = xasprintf("--git-dir=%s", f->bare);
    return git_ask(&f->git, git_dir, "show", object, NULL);
}

static inline char *count_objects(const struct fixture *f)
{
    return git_ask(&f->git, "count-objects", "-v", NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
