#include "stages/pipeline/slug.h"

#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    const char *text, *slug;
} names[] = {
    { "main", "main" },
    { "Feature/ABC_1", "feature-abc-1" },
    { "--x--", "x" },
    { "a..b", "a--b" },
    { "caf\xc3\xa9", "caf" },
    { "", "" },
    { "0123456789012345678901234567890123456789012345678901234567890123456789",
      "012345678901234567890123456789012345678901234567890123456789012" },
};

static void test_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        auto_free char *slug = slug_name(names[i].text);
        assert_string_equal(slug, names[i].slug);
    }
}

/* Expected values computed by GitLab's algorithm: last six base-36 digits of the SHA-256. */
static const struct {
    const char *name, *slug;
} environments[] = {
    { "staging", "staging" },
    { "review/my-branch", "review-my-branch-add4nu" },
    { "Production", "production-iis43c" },
    { "9lives", "env-9lives-j5o5r3" },
    { "a-very-long-environment-name-indeed", "a-very-long-envir-8xini4" },
    { "exactly-24-characters-xx", "exactly-24-characters-xx" },
    { "x--y", "x-y-krurt5" },
    { "trailing-", "trailing" },
};

static void test_environments(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(environments); i++) {
        auto_free char *slug = slug_environment(environments[i].name);
        assert_string_equal(slug, environments[i].slug);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_names), cmocka_unit_test(test_environments) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
