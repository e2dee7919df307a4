#include "stages/deploy/compose_words.h"

#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* Words behind one another in <>. */
static const struct {
    const char *text, *want;
    bool operator;
} cases[] = {
    { "", "", false },
    { "  ", "", false },
    { "/bin/false", "</bin/false>", false },
    { "a b\tc\nd", "<a><b><c><d>", false },
    { "a 'b c' \"d e\"", "<a><b c><d e>", false },
    { "a''b\"\"c ''", "<abc><>", false },
    { "a\\ b \\'", "<a b><'>", false },
    { "'a\\b' \"a\\b\" \"\\\"\\\\\\$\"", "<a\\b><a\\b><\"\\$>", false },
    { "sh -c 'a && b | c'", "<sh><-c><a && b | c>", false },
    { "a && b", "<a><&&><b>", true },
    { "a; b", "<a;><b>", true },
    { "a > b", "<a><>><b>", true },
    { "a '&&' b", "<a><&&><b>", false },
    { "find . -exec x {} \\;", "<find><.><-exec><x><{}><;>", false },
    { "a \\\n  b\\\nc \\\n", "<a><bc>", false }, /* lines that go on */
    { "\"a\\\nb\" 'a\\\nb'", "<ab><a\\\nb>", false },
    { "a # b", "<a><#><b>", false },
};

static void test_splits_as_docker_compose(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        auto_strvec words = STRVEC_INIT, marked = STRVEC_INIT;
        bool operator;
        assert_int_equal(compose_words(cases[i].text, &words, &operator), 0);
        for (size_t n = 0; n < words.n; n++)
            strvec_pushf(&marked, "<%s>", words.items[n]);
        auto_free char *got = strvec_join(&marked, "");
        assert_string_equal(got, cases[i].want);
        if (operator != cases[i].operator)
            fail_msg("%s", cases[i].text);
    }
}

static void test_open_ends_are_refused(void **state)
{
    (void)state;
    const char *const open[] = { "'", "a 'b", "\"", "a \"b\\\"", "a\\", "\\" };
    for (size_t i = 0; i < ARRAY_SIZE(open); i++) {
        auto_strvec words = STRVEC_INIT;
        bool operator;
        if (compose_words(open[i], &words, &operator) == 0)
            fail_msg("%s", open[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_splits_as_docker_compose),
        cmocka_unit_test(test_open_ends_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
