#include "stages/pipeline/coverage.h"

#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    const char *pattern, *log, *want;
} cases[] = {
    { "/Lines: \\d+(?:\\.\\d+)?%/", "Lines: 85.25%\n", "85.25" },
    { "/TOTAL\\s+\\d+\\s+\\d+\\s+(\\d+)%/", "TOTAL   120  30  75%\n", "75" },
    { "/(?:Code )?coverage: (\\d+)/i", "Code Coverage: 7 of 9\n", "7" },
    { "/lines: \\d+/\\d+ \\((\\d+)%/", "lines: 3/4 (75%)\n", "75" }, /* the last slash is the end */
    { "/^cov (\\S+)$/", "cov 1\r\nno\ncov 2.5\r\n", "2.5" },
    { "/cov (\\d+)/", "\x1b[32mcov\x1b[0;1m 90\x1b[0m\n", "90" },
    { "/cov (\\d+)/", "cov 90", "" }, /* no line yet */
    { "/cov (\\w+)/", "cov none\n", "" },
    { "/other/", "cov 1\n", "" },
    { "no expression", "no expression 1\n", "" },
    { NULL, "1\n", "" },
};

static void test_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        for (size_t piece = 1; piece < 8; piece += 6) {
            struct coverage c;
            coverage_open(&c, cases[i].pattern);
            for (size_t at = 0, len = strlen(cases[i].log); at < len; at += piece)
                coverage_feed(&c, cases[i].log + at, at + piece < len ? piece : len - at);
            assert_string_equal(c.value, cases[i].want);
            coverage_release(&c);
        }
}

/* What has no end is not kept, and what comes after it is a line again. */
static void test_a_long_line(void **state)
{
    (void)state;
    struct coverage c;

    coverage_open(&c, "/cov (\\d+)/");
    for (int i = 0; i < 100000; i++)
        coverage_feed(&c, "x", 1);
    coverage_feed(&c, "\ncov 3\n", 7);
    assert_string_equal(c.value, "3");
    coverage_release(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_values), cmocka_unit_test(test_a_long_line) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
