#include "stages/pipeline/artifact_store.h"

#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char *root;

static int set_up(void **state)
{
    (void)state;
    return dir_temporary("/tmp", "atelier-test-artifacts", &root, NULL);
}

static int tear_down(void **state)
{
    (void)state;
    (void)dir_remove(root, NULL);
    free(root);
    return 0;
}

static void put(const char *name, const char *text)
{
    auto_free char *path = xasprintf("%s/%s", root, name);
    auto_free char *folder = xstrndup(path, (size_t)(strrchr(path, '/') - path));

    assert_int_equal(dir_make(folder, 0700, NULL), 0);
    assert_int_equal(file_write(path, text, strlen(text), 0600, NULL), 0);
}

static void link_to(const char *name, const char *target)
{
    auto_free char *path = xasprintf("%s/%s", root, name);
    assert_int_equal(symlink(target, path), 0);
}

static void test_names(void **state)
{
    auto_free char *pipeline = artifact_store_pipeline(3, 12345678901);
    auto_free char *plain = artifact_store_job(1, "build: [a/b]");
    auto_free char *odd = artifact_store_job(12, "\xc3\xbc../");

    (void)state;
    assert_string_equal(pipeline, "3-12345678901");
    assert_string_equal(plain, "1-build---a-b");
    assert_string_equal(odd, "12");
}

static void test_lists(void **state)
{
    auto_strvec files = STRVEC_INIT;
    auto_strvec folders = STRVEC_INIT;
    auto_strvec none = STRVEC_INIT;

    (void)state;
    put("j/archive/b.zip", "");
    put("j/archive/a.zip", "");
    put("j/junit/x", "");
    link_to("j/archive/c.zip", "a.zip");
    link_to("j/out", "/etc");
    artifact_store_files(root, "j/archive", &files);
    artifact_store_folders(root, "j", &folders);
    auto_free char *is = strvec_join(&files, " ");
    auto_free char *in = strvec_join(&folders, " ");
    assert_string_equal(is, "a.zip b.zip");
    assert_string_equal(in, "archive junit");
    artifact_store_files(root, "j/out", &none); /* a link on the way */
    artifact_store_files(root, "j/nothing", &none);
    assert_int_equal(none.n, 0);
}

static int take_file(const char *path, struct err *e)
{
    auto_free char *text = NULL;
    size_t len = 0;

    return artifact_store_read(root, path, 4, &text, &len, e);
}

static void test_reads(void **state)
{
    auto_free char *text = NULL;
    auto_free char *pipe = xasprintf("%s/d/pipe", root);
    auto_err e = ERR_INIT;
    size_t len;

    (void)state;
    put("d/four", "1234");
    put("d/five", "12345");
    link_to("d/link", "four");
    link_to("e", "d");
    assert_int_equal(mkfifo(pipe, 0600), 0);
    assert_int_equal(artifact_store_read(root, "d/four", 4, &text, &len, &e), 0);
    assert_string_equal(text, "1234");
    assert_int_equal(len, 4);
    static const struct {
        const char *path, *message;
    } bad[] = {
        { "d/five", "it is larger than 4 bytes" }, { "d/pipe", "it is no file" },   { "d/link", "open '" },
        { "e/four", "open '" },                    { "d/missing", "open '" },       { "d", "it is no file" },
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        err_release(&e);
        assert_int_equal(take_file(bad[i].path, &e), -1);
        assert_int_equal(strncmp(err_text(&e), bad[i].message, strlen(bad[i].message)), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test_setup_teardown(test_lists, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_reads, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
