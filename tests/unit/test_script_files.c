/* Caches and artifacts in a job's scripts. */
#include "stages/pipeline/script_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/script_case.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_caches),
        cmocka_unit_test(test_artifacts),
        cmocka_unit_test(test_git_trusts_a_snapshot_that_it_is_asked_about),
        cmocka_unit_test(test_a_missing_helper_is_a_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
