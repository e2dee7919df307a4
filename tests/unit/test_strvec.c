#include "base/strvec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void test_push(void **state)
{
    (void)state;
    auto_strvec v = STRVEC_INIT;
    assert_non_null(strvec_list(&v));
    assert_null(strvec_list(&v)[0]);
    for (int i = 0; i < 100; i++) {
        strvec_pushf(&v, "item %d", i);
        assert_null(strvec_list(&v)[v.n]);
    }
    assert_int_equal(v.n, 100);
    assert_string_equal(v.items[0], "item 0");
    assert_string_equal(v.items[99], "item 99");
}

static void test_owns_copies(void **state)
{
    (void)state;
    auto_strvec v = STRVEC_INIT;
    char word[] = "abc";
    char *given = xstrdup("given");
    strvec_push(&v, word);
    strvec_give(&v, given);
    word[0] = 'X';
    assert_string_equal(v.items[0], "abc");
    assert_ptr_equal(v.items[1], given);
}

static void test_push_all(void **state)
{
    (void)state;
    auto_strvec v = STRVEC_INIT;
    auto_strvec other = STRVEC_INIT;
    strvec_push(&v, "a");
    strvec_push(&other, "b");
    strvec_push(&other, "c");
    strvec_push_all(&v, &other);
    strvec_push_all(&v, &v);
    auto_free char *all = strvec_join(&v, ",");
    assert_string_equal(all, "a,b,c,a,b,c");
}

static void test_has(void **state)
{
    (void)state;
    auto_strvec v = STRVEC_INIT;
    assert_false(strvec_has(&v, "a"));
    strvec_push(&v, "ab");
    assert_false(strvec_has(&v, "a"));
    assert_true(strvec_has(&v, "ab"));
}

static const struct {
    const char *items[4], *between, *text;
} joins[] = {
    { { NULL }, ", ", "" },
    { { "a" }, ", ", "a" },
    { { "a", "", "c" }, ", ", "a, , c" },
    { { "a", "b" }, "", "ab" },
};

static void test_join(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(joins); i++) {
        auto_strvec v = STRVEC_INIT;
        for (size_t k = 0; k < 4 && joins[i].items[k]; k++)
            strvec_push(&v, joins[i].items[k]);
        auto_free char *text = strvec_join(&v, joins[i].between);
        assert_string_equal(text, joins[i].text);
    }
}

static void test_environment(void **state)
{
    (void)state;
    auto_strvec v = STRVEC_INIT;
    strvec_set_env(&v, "A", "1");
    strvec_set_env(&v, "AB", "2");
    strvec_set_env(&v, "A", "x=y");
    strvec_set_env(&v, "EMPTY", "");
    strvec_push(&v, "odd");
    assert_int_equal(v.n, 4);
    assert_string_equal(strvec_env(&v, "A"), "x=y");
    assert_string_equal(strvec_env(&v, "AB"), "2");
    assert_string_equal(strvec_env(&v, "EMPTY"), "");
    assert_null(strvec_env(&v, "odd"));
    assert_null(strvec_env(&v, "B"));
}

static void test_get_from_an_environment(void **state)
{
    (void)state;
    char a[] = "A=1", ab[] = "AB=2", again[] = "A=x=y", empty[] = "EMPTY=", odd[] = "odd";
    char *const env[] = { a, ab, again, empty, odd, NULL };
    assert_string_equal(env_get(env, "A"), "x=y");
    assert_string_equal(env_get(env, "AB"), "2");
    assert_null(env_get(env, "EMPTY"));
    assert_null(env_get(env, "odd"));
    assert_null(env_get(NULL, "A"));
}

static void test_release_leaves_it_usable(void **state)
{
    (void)state;
    auto_strvec v = STRVEC_INIT;
    strvec_push(&v, "a");
    strvec_release(&v);
    assert_int_equal(v.n, 0);
    assert_null(strvec_list(&v)[0]);
    strvec_push(&v, "b");
    assert_string_equal(v.items[0], "b");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_push),        cmocka_unit_test(test_owns_copies),
        cmocka_unit_test(test_push_all),    cmocka_unit_test(test_has),
        cmocka_unit_test(test_join),        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_get_from_an_environment),
        cmocka_unit_test(test_release_leaves_it_usable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
