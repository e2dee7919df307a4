#include "stages/job_values.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char response[] =
    "{\"variables\": ["
    " {\"key\": \"CI_COMMIT_SHA\", \"value\": \"abc\", \"public\": true},"
    " {\"key\": \"SV_PROD_KEY\", \"value\": \"a$CI_COMMIT_SHA\", \"public\": false, \"masked\": true, \"raw\": true},"
    " {\"key\": \"URL\", \"value\": \"https://$CI_COMMIT_SHA.example\", \"public\": true},"
    " {\"key\": \"URL\", \"value\": \"https://${CI_COMMIT_SHA}.example.org\", \"public\": true},"
    " {\"key\": \"CERT\", \"value\": \"the content\", \"file\": true},"
    " {\"key\": \"WHERE\", \"value\": \"$CERT\"},"
    " {\"key\": \"NUMBER\", \"value\": 5}, {\"key\": 3, \"value\": \"x\"}, 7],"
    " \"secrets\": {\"SV_PROD_FETCHED\": {}, \"GONE\": {}}}";

static void assert_value(const struct variables *v, const char *key, const char *value, unsigned flags)
{
    const struct variable *found = variables_find(v, key);

    assert_non_null(found);
    assert_string_equal(found->value, value);
    assert_int_equal(found->flags, flags);
}

static void test_values_and_flags(void **state)
{
    char fetched[] = "CUSTOM_ENV_SV_PROD_FETCHED=$not", dir[] = "CUSTOM_ENV_CI_PROJECT_DIR=/builds/p";
    char *env[] = { fetched, dir, NULL };
    auto_variables v = VARIABLES_INIT;

    (void)state;
    assert_int_equal(job_values_text(response, strlen(response), env, &v, NULL), 0);
    assert_int_equal(v.n, 7);
    assert_value(&v, "CI_COMMIT_SHA", "abc", VARIABLE_PUBLIC);
    assert_value(&v, "SV_PROD_KEY", "a$CI_COMMIT_SHA", VARIABLE_MASKED | VARIABLE_RAW);
    assert_value(&v, "URL", "https://abc.example.org", VARIABLE_PUBLIC);
    assert_value(&v, "CERT", "the content", VARIABLE_FILE);
    assert_value(&v, "WHERE", "/builds/p.tmp/CERT", 0);
    assert_value(&v, "NUMBER", "5", 0);
    assert_value(&v, "SV_PROD_FETCHED", "$not", VARIABLE_MASKED | VARIABLE_RAW);
}

static void test_says_what_is_missing(void **state)
{
    char *none[] = { NULL };
    auto_variables v = VARIABLES_INIT;
    auto_err e = ERR_INIT;

    (void)state;
    assert_int_equal(job_values(none, &v, &e), -1);
    assert_int_equal(e.kind, ERR_SYSTEM);
    assert_non_null(strstr(err_text(&e), "older than 14.1"));
    assert_int_equal(job_values_text("[", 1, none, &v, &e), -1);
    assert_int_equal(v.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_values_and_flags),
                                        cmocka_unit_test(test_says_what_is_missing) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
