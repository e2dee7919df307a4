#include "stages/pipeline/hook.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    const char *text;
    int code; /* -1: no number */
} codes[] = {
    { "7", 7 },       { "7\n", 7 },   { "7\r\n", 7 }, { "+7\n", 7 },  { "0\n", 0 },   { "137\nsecond line", 137 },
    { "", -1 },       { "\n", -1 },   { " 7\n", -1 }, { "7 \n", -1 }, { "x\n", -1 }, { "99999999999\n", -1 },
};

static void test_exit_codes(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
        int code = -1;
        assert_int_equal(hook_exit_code_parse(codes[i].text, &code), codes[i].code < 0 ? -1 : 0);
        assert_int_equal(code, codes[i].code);
    }
}

static void test_a_full_answer(void **state)
{
    static const char text[] = "{\"driver\":{\"name\":\"d\",\"version\":\"1\"},\"hostname\":\"h\",\"builds_dir\":\"/b\","
                               "\"cache_dir\":\"/c\",\"builds_dir_is_shared\":true,\"job_env\":{\"K\":\"v\",\"L\":\"\"},"
                               "\"shell\":\"sh\",\"unknown\":1}\n";
    auto_hook_answer a = { NULL };
    auto_strvec env = STRVEC_INIT;
    auto_err e = ERR_INIT;

    (void)state;
    assert_int_equal(hook_answer_parse(text, strlen(text), &a, &env, &e), 0);
    assert_string_equal(a.driver_name, "d");
    assert_string_equal(a.driver_version, "1");
    assert_string_equal(a.hostname, "h");
    assert_string_equal(a.builds_dir, "/b");
    assert_string_equal(a.cache_dir, "/c");
    assert_string_equal(a.shell, "sh");
    assert_true(a.builds_dir_is_shared);
    assert_string_equal(strvec_env(&env, "K"), "v");
    assert_string_equal(strvec_env(&env, "L"), "");
}

static const char *const small_answers[] = { "", "{}", "{\"job_env\":{}}" };

static void test_small_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(small_answers); i++) {
        auto_hook_answer a = { NULL };
        auto_strvec env = STRVEC_INIT;
        assert_int_equal(hook_answer_parse(small_answers[i], strlen(small_answers[i]), &a, &env, NULL), 0);
        assert_null(a.builds_dir);
        assert_int_equal(env.n, 0);
    }
}

static const char *const bad_answers[] = {
    "\n", "hello", "[]", "{\"builds_dir\":7}", "{\"job_env\":{\"K\":1}}", "{} {}", "{\"builds_dir\":\"/b\"",
};

static void test_bad_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad_answers); i++) {
        auto_hook_answer a = { NULL };
        auto_strvec env = STRVEC_INIT;
        auto_err e = ERR_INIT;
        if (hook_answer_parse(bad_answers[i], strlen(bad_answers[i]), &a, &env, &e) == 0)
            fail_msg("taken: %s", bad_answers[i]);
        assert_non_null(strstr(err_text(&e), "config's answer"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exit_codes),
        cmocka_unit_test(test_a_full_answer),
        cmocka_unit_test(test_small_answers),
        cmocka_unit_test(test_bad_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
