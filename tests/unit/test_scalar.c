#include "stages/pipeline/scalar.h"

#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    const char *text;
    enum scalar_kind kind;
    const char *value;
} cases[] = {
    { "x", SCALAR_TEXT, "x" },
    { "1.2.3", SCALAR_TEXT, "1.2.3" },
    { "09", SCALAR_TEXT, "09" },
    { "0o17", SCALAR_TEXT, "0o17" },
    { "1e3", SCALAR_TEXT, "1e3" },
    { ".", SCALAR_TEXT, "." },
    { "-", SCALAR_TEXT, "-" },
    { "1h", SCALAR_TEXT, "1h" },
    { "1:70", SCALAR_TEXT, "1:70" },
    { "1:2:3:4", SCALAR_TEXT, "1:2:3:4" },
    { ".5x", SCALAR_TEXT, ".5x" },
    { "+-1", SCALAR_TEXT, "+-1" },
    { "0x", SCALAR_TEXT, "0x" },
    { "0xg", SCALAR_TEXT, "0xg" },
    { "12:3x", SCALAR_TEXT, "12:3x" },
    { "-rf", SCALAR_TEXT, "-rf" },
    { "..", SCALAR_TEXT, ".." },
    { "1_a", SCALAR_TEXT, "1_a" },
    { "./run", SCALAR_TEXT, "./run" },
    { "yesterday", SCALAR_TEXT, "yesterday" },
    { "2024-01", SCALAR_TEXT, "2024-01" },
    { "0", SCALAR_INTEGER, "0" },
    { "007", SCALAR_INTEGER, "7" },
    { "0644", SCALAR_INTEGER, "420" },
    { "0x1F", SCALAR_INTEGER, "31" },
    { "0b101", SCALAR_INTEGER, "5" },
    { "-12", SCALAR_INTEGER, "-12" },
    { "+12", SCALAR_INTEGER, "12" },
    { "1_000", SCALAR_INTEGER, "1000" },
    { "1,000", SCALAR_INTEGER, "1000" },
    { "1:30", SCALAR_INTEGER, "5400" },
    { "2:01:05", SCALAR_INTEGER, "7265" },
    { "123456789012345678901", SCALAR_INTEGER, "123456789012345678901" },
    { "1.10", SCALAR_FRACTION, "1.1" },
    { "3.0", SCALAR_FRACTION, "3.0" },
    { "-.5", SCALAR_FRACTION, "-0.5" },
    { "5.", SCALAR_FRACTION, "5.0" },
    { "1.5e+3", SCALAR_FRACTION, "1500.0" },
    { "0.1", SCALAR_FRACTION, "0.1" },
    { "-.Inf", SCALAR_FRACTION, "-Infinity" },
    { ".inf", SCALAR_FRACTION, "Infinity" },
    { ".nan", SCALAR_FRACTION, "NaN" },
    { "yes", SCALAR_BOOLEAN, "true" },
    { "TRUE", SCALAR_BOOLEAN, "true" },
    { "oFF", SCALAR_BOOLEAN, "false" },
    { "2024-01-31", SCALAR_DATE, "2024-01-31" },
    { "2024-1-3 10:00:00", SCALAR_DATE, "2024-1-3 10:00:00" },
};

static void test_plain(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        auto_free char *text = xstrdup(cases[i].text);
        const struct yaml y = { .type = YAML_SCALAR, .text = text };
        auto_free char *value = scalar_value(&y);
        if (scalar_kind(&y) != cases[i].kind || strcmp(value, cases[i].value) != 0)
            fail_msg("%s: %s `%s`", cases[i].text, scalar_kind_name(scalar_kind(&y)), value);
    }
}

static void test_quoted(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        auto_free char *text = xstrdup(cases[i].text);
        const struct yaml y = { .type = YAML_SCALAR, .text = text, .quoted = true };
        auto_free char *value = scalar_value(&y);
        assert_int_equal(scalar_kind(&y), SCALAR_TEXT);
        assert_string_equal(value, cases[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_plain), cmocka_unit_test(test_quoted) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
