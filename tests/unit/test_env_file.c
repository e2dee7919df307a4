#include "stages/pipeline/env_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    const char *text;
    const char *value; /* of A; NULL: an error */
    unsigned flags;
} files[] = {
    { "A=1", "1", 0 },
    { "A=1\n", "1", 0 },
    { "\xef\xbb\xbf# comment\n\n  A=1\n", "1", 0 },
    { "A=first\nA=last\n", "first", 0 },
    { "export A=1\n", "1", 0 },
    { "A = spaced out  \n", "spaced out", 0 },
    { "A=\n", "", 0 },
    { "A=a=b\n", "a=b", 0 },
    { "A=x # comment\n", "x", 0 },
    { "A=x#y\n", "x#y", 0 },
    { "A=windows\r\nB=2\r\n", "windows", 0 },
    { "A='as $it \\n is'\n", "as $it \\n is", VARIABLE_RAW },
    { "A='two\nlines' # comment\nB=2\n", "two\nlines", VARIABLE_RAW },
    { "A=\"tab\\tquote\\\"dollar\\$ \\q\"\n", "tab\tquote\"dollar$$ \\q", 0 },
    { "A=\"two\nlines\"\n", "two\nlines", 0 },
    { "A=caf\xc3\xa9\n", "caf\xc3\xa9", 0 },
    { "A", NULL, 0 },
    { "A\nB=2", NULL, 0 },
    { "A-B=1", NULL, 0 },
    { "=1", NULL, 0 },
    { "A='open\n\n", NULL, 0 },
    { "A='x'y", NULL, 0 },
};

static void test_files(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        auto_variables v = VARIABLES_INIT;
        auto_err e = ERR_INIT;
        int rc = env_file_parse("vars", files[i].text, strlen(files[i].text), &v, &e);
        assert_int_equal(rc, files[i].value ? 0 : -1);
        if (!files[i].value) {
            assert_int_equal(strncmp(err_text(&e), "vars:1: ", 8), 0);
            continue;
        }
        assert_string_equal(v.items[0].key, "A");
        assert_string_equal(v.items[0].value, files[i].value);
        assert_int_equal(v.items[0].flags, files[i].flags);
    }
}

static void test_lines_are_counted(void **state)
{
    static const char text[] = "A='1\n2'\n\n# x\nB=\"\n\"\nbroken\n";
    auto_variables v = VARIABLES_INIT;
    auto_err e = ERR_INIT;

    (void)state;
    assert_int_equal(env_file_parse("vars", text, strlen(text), &v, &e), -1);
    assert_string_equal(err_text(&e), "vars:7: no '=' in this line; write KEY=value");
}

static void test_nul_bytes(void **state)
{
    auto_variables v = VARIABLES_INIT;
    auto_err e = ERR_INIT;

    (void)state;
    assert_int_equal(env_file_parse("vars", "A=1\0", 4, &v, &e), -1);
}

static const struct {
    const char *key, *value;
    bool secret;
} secrets[] = {
    { "DB_PASSWORD", "12345678", true }, { "DB_PASSWORD", "1234567", false }, { "api_key", "abcdefgh", true },
    { "MyToken", "abcdefgh", true },     { "CLIENT_SECRET_2", "abcdefgh", true }, { "NAME", "abcdefgh", false },
    { "SV_PROD_DSN", "abcdefgh", true }, { "SV_PROD_DSN", "abcdefg", false },     { "MY_SV_DSN", "abcdefgh", false },
};

static void test_secrets(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(secrets); i++)
        assert_int_equal(env_file_is_secret(secrets[i].key, secrets[i].value), secrets[i].secret);

    auto_variables v = VARIABLES_INIT;
    auto_err e = ERR_INIT;
    assert_int_equal(env_file_parse("vars", "T_TOKEN='hush-hush'", 19, &v, &e), 0);
    assert_int_equal(v.items[0].flags, VARIABLE_MASKED | VARIABLE_RAW);
}

static void test_missing(void **state)
{
    auto_variables v = VARIABLES_INIT;
    auto_err e = ERR_INIT;

    (void)state;
    assert_int_equal(env_file_read("/nowhere/vars", &v, &e), -1);
    assert_non_null(strstr(err_text(&e), "/nowhere/vars"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files),     cmocka_unit_test(test_lines_are_counted), cmocka_unit_test(test_nul_bytes),
        cmocka_unit_test(test_secrets), cmocka_unit_test(test_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
