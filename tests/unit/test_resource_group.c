#include "stages/pipeline/resource_group.h"

#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_one_at_a_time(void **state)
{
    auto_free char *dir = NULL;
    int first, second, other, elsewhere;

    (void)state;
    assert_int_equal(dir_temporary("/tmp", "atelier-test-group", &dir, NULL), 0);
    assert_int_equal(resource_group_take(dir, 7, "prod/ü ..", &first, NULL), 0);
    assert_true(first >= 0);
    assert_int_equal(resource_group_take(dir, 7, "prod/ü ..", &second, NULL), 0);
    assert_int_equal(second, -1);
    assert_int_equal(resource_group_take(dir, 7, "prod", &other, NULL), 0);
    assert_true(other >= 0);
    assert_int_equal(resource_group_take(dir, 8, "prod", &elsewhere, NULL), 0);
    assert_true(elsewhere >= 0);
    (void)close(first);
    assert_int_equal(resource_group_take(dir, 7, "prod/ü ..", &second, NULL), 0);
    assert_true(second >= 0);
    (void)close(second);
    (void)close(other);
    (void)close(elsewhere);
    assert_int_equal(dir_remove(dir, NULL), 0);
}

static void test_no_folder(void **state)
{
    auto_err e = ERR_INIT;
    int fd;

    (void)state;
    assert_int_equal(resource_group_take("/dev/null", 7, "prod", &fd, &e), -1);
    assert_int_equal(fd, -1);
    assert_int_equal(e.kind, ERR_SYSTEM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_at_a_time),
        cmocka_unit_test(test_no_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
