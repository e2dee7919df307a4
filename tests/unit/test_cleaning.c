/* Who removes a job's things, and who waits for that; and which process is a container's. */
#include "base/file.h"
#include "executor/cleaning.h"
#include "executor/halt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static char *root;

static int make_root(void **state)
{
    (void)state;
    return dir_temporary("/tmp", "atelier-cleaning-", &root, NULL);
}

static int remove_root(void **state)
{
    (void)state;
    int rc = dir_remove(root, NULL);
    free(root);
    return rc;
}

static void test_one_at_a_time(void **state)
{
    (void)state;
    const struct config c = { .builds = root };
    auto_cleaning one = CLEANING_INIT, two = CLEANING_INIT;
    auto_err e = ERR_INIT;

    assert_int_equal(cleaning_begin(&one, &c, "tok-1", 0, &e), 0);
    assert_int_equal(cleaning_begin(&two, &c, "tok-1", 0, &e), -1);
    assert_int_equal(e.kind, ERR_CONFLICT);
    assert_int_equal(cleaning_begin(&two, &c, "tok-2", 0, NULL), 0);
    assert_true(cleaning_are_many(&c, 2));
    assert_false(cleaning_are_many(&c, 3));
    cleaning_end(&one, NULL);
    cleaning_end(&two, NULL);
    assert_false(cleaning_are_many(&c, 1));
}

static void test_only_what_was_begun_is_taken_over(void **state)
{
    (void)state;
    const struct config c = { .builds = root };
    auto_cleaning x = CLEANING_INIT;

    assert_int_equal(cleaning_take_over(&x, &c, "tok-1", 0, NULL), 0);
    assert_int_equal(x.fd, -1);
    assert_false(cleaning_are_many(&c, 1));
    cleaning_end(&x, NULL);
}

static void test_abandoned_is_what_nobody_holds(void **state)
{
    (void)state;
    const struct config c = { .builds = root };
    auto_cleaning held = CLEANING_INIT, failed = CLEANING_INIT, killed = CLEANING_INIT;
    auto_strvec keys = STRVEC_INIT;

    assert_int_equal(cleaning_begin(&held, &c, "tok-1", 0, NULL), 0);
    assert_int_equal(cleaning_begin(&failed, &c, "tok-2", 0, NULL), 0);
    assert_int_equal(cleaning_begin(&killed, &c, "tok-3", 0, NULL), 0);
    cleaning_end(&failed, "no such daemon");
    cleaning_release(&killed);
    cleaning_list_abandoned(&c, &keys);
    assert_int_equal(keys.n, 2);
    for (size_t i = 0; i < keys.n; i++)
        assert_string_not_equal(keys.items[i], "tok-1");

    auto_free char *path = xasprintf("%s/.cleanup/tok-2", root);
    auto_free char *reason = NULL;
    assert_int_equal(file_read(path, 100, &reason, NULL, NULL), 0);
    assert_string_equal(reason, "no such daemon");
    assert_int_equal(cleaning_take_over(&failed, &c, "tok-2", 0, NULL), 0);
    cleaning_end(&failed, NULL);
    assert_true(cleaning_are_many(&c, 1));
    assert_false(cleaning_are_many(&c, 2)); /* the killed one's file is there, but nobody removes anything */
}

static void test_a_process_of_the_container(void **state)
{
    (void)state;
    const char *id = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    assert_true(halt_is_of("12:pids:/docker/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n", id));
    assert_true(halt_is_of("0::/system.slice/docker-0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.scope\n", id));
    assert_false(halt_is_of("0::/init.scope\n", id));
    assert_false(halt_is_of("0::/\n", ""));
    assert_false(halt_is_of("0::/0123\n", "0123"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_one_at_a_time, make_root, remove_root),
        cmocka_unit_test_setup_teardown(test_only_what_was_begun_is_taken_over, make_root, remove_root),
        cmocka_unit_test_setup_teardown(test_abandoned_is_what_nobody_holds, make_root, remove_root),
        cmocka_unit_test(test_a_process_of_the_container),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
