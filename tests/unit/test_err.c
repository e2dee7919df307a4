#include "base/err.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_set(void **state)
{
    (void)state;
    auto_err e = ERR_INIT;
    assert_string_equal(err_text(&e), "");
    assert_int_equal(err_set(&e, ERR_CONFIG, 22, "%s is %d", "x", 5), -1);
    assert_int_equal(e.kind, ERR_CONFIG);
    assert_int_equal(e.code, 22);
    assert_string_equal(err_text(&e), "x is 5");
}

static void test_set_replaces_what_it_quotes(void **state)
{
    (void)state;
    auto_err e = ERR_INIT;
    err_set(&e, ERR_JOB, 1, "first");
    err_set(&e, ERR_SYSTEM, 2, "second after %s", e.msg);
    assert_string_equal(err_text(&e), "second after first");
    assert_int_equal(e.kind, ERR_SYSTEM);
}

static void test_wrap(void **state)
{
    (void)state;
    auto_err e = ERR_INIT;
    err_set(&e, ERR_NOT_FOUND, ENOENT, "cause");
    assert_int_equal(err_wrap(&e, "inner %d", 1), -1);
    assert_int_equal(err_wrap(&e, "outer '%s'", e.msg), -1);
    assert_string_equal(err_text(&e), "outer 'inner 1: cause': inner 1: cause");
    assert_int_equal(e.kind, ERR_NOT_FOUND);
    assert_int_equal(e.code, ENOENT);
}

static void test_wrap_without_a_cause(void **state)
{
    (void)state;
    auto_err e = ERR_INIT;
    err_wrap(&e, "alone");
    assert_string_equal(err_text(&e), "alone");
}

static void test_move(void **state)
{
    (void)state;
    auto_err from = ERR_INIT;
    auto_err to = ERR_INIT;
    err_set(&to, ERR_JOB, 1, "old");
    err_set(&from, ERR_CONFLICT, 409, "taken");
    assert_int_equal(err_move(&to, &from), -1);
    assert_string_equal(err_text(&to), "taken");
    assert_int_equal(to.kind, ERR_CONFLICT);
    assert_int_equal(to.code, 409);
    assert_int_equal(from.kind, ERR_NONE);
    assert_null(from.msg);

    assert_int_equal(err_move(&to, &to), -1);
    assert_string_equal(err_text(&to), "taken");
    assert_int_equal(err_move(NULL, &to), -1); /* and does not leak it */
    assert_null(to.msg);
}

static void test_nobody_asks(void **state)
{
    (void)state;
    assert_int_equal(err_set(NULL, ERR_JOB, 1, "x"), -1);
    assert_int_equal(err_wrap(NULL, "x"), -1);
    assert_string_equal(err_text(NULL), "");
    err_release(NULL);
}

static void test_release_leaves_it_empty(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    err_set(&e, ERR_JOB, 3, "x");
    err_release(&e);
    assert_null(e.msg);
    assert_int_equal(e.kind, ERR_NONE);
    assert_int_equal(e.code, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set),
        cmocka_unit_test(test_set_replaces_what_it_quotes),
        cmocka_unit_test(test_wrap),
        cmocka_unit_test(test_wrap_without_a_cause),
        cmocka_unit_test(test_move),
        cmocka_unit_test(test_nobody_asks),
        cmocka_unit_test(test_release_leaves_it_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
