#include "stages/pipeline/re2.h"
#include "stages/pipeline/ref_pattern.h"

#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    const char *pattern, *name;
    bool is_tag, want;
} rows[] = {
    { "main", "main", false, true },
    { "main", "mainly", false, false },
    { "main", "Main", false, false },
    { "main", "main", true, true },
    { "branches", "x", false, true },
    { "branches", "x", true, false },
    { "tags", "x", true, true },
    { "tags", "x", false, false },
    { "pushes", "x", false, true },
    { "web", "x", false, false },
    { "main@group/project", "main", false, true },
    { "main@group/other", "main", false, false },
    { "branches@group/project", "x", false, true },
    { "/^v\\d+@group/project", "v1", false, false }, /* what is left of it is no expression */
    { "/^v\\d+/@group/project", "v1", false, true },

    { "/issue/", "an-issue-7", false, true },
    { "/^issue-.*$/", "issue-7", false, true },
    { "/^issue-.*$/", "Issue-7", false, false },
    { "/^issue-.*$/i", "Issue-7", false, true },
    { "/^issue-.*$/misU", "Issue-7", false, true },
    { "/issue/x", "issue", false, false },
    { "/", "/", false, true },
    { "//", "anything", false, true },
    { "/^v\\d+\\.\\d+(\\.\\d+)?$/", "v1.22", true, true },
    { "/^v\\d+\\.\\d+(\\.\\d+)?$/", "v1x22", true, false },
    { "/^(?:release|hotfix)\\/.+$/", "hotfix/a", false, true },
    { "/^(?:release|hotfix)\\/.+$/", "fix/a", false, false },
    { "/^[\\w.-]+$/", "a_b.c-d", false, true },
    { "/^[\\w.-]+$/", "a/b", false, false },
    { "/^[^\\d]+$/", "abc", false, true },
    { "/^[^\\d]+$/", "ab1", false, false },
    { "/^[\\]\\[^-]+$/", "]-^[", false, true },
    { "/^[]a]$/", "]", false, true },
    { "/^[\\^]$/", "^", false, true },
    { "/^[\\^-]+$/", "-^", false, true },
    { "/^[^\\^-]+$/", "a^", false, false },
    { "/^[[:alpha:]_]+$/", "a_B", false, true },
    { "/^[[:alpha:]_]+$/", "a1", false, false },
    { "/^[a-cx-z]{2,3}$/", "az", false, true },
    { "/^[a-cx-z]{2,3}$/", "azbx", false, false },
    { "/^a{2}$/", "aa", false, true },
    { "/^a{2,}$/", "aaaa", false, true },
    { "/^a{,2}$/", "a{,2}", false, true },
    { "/^a.*?b+?c??$/", "axxbb", false, true },
    { "/\\Amain\\z/", "main", false, true },
    { "/\\Amain\\z/", "mains", false, false },
    { "/\\bfix\\b/", "a-fix-b", false, true },
    { "/\\bfix\\b/", "prefix", false, false },
    { "/^\\D\\W\\S$/", "a-b", false, true },
    { "/^a\\-b\\<$/", "a-b<", false, true },
    { "/^a}?$/", "a}", false, true },
};

static void test_matches(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct ref_facts ref = { rows[i].name, rows[i].is_tag, "group/project" };
        auto_err e = ERR_INIT;
        if (ref_pattern_check(rows[i].pattern, &e) < 0)
            fail_msg("%s: %s", rows[i].pattern, err_text(&e));
        if (ref_pattern_matches(rows[i].pattern, &ref) != rows[i].want)
            fail_msg("%s on %s", rows[i].pattern, rows[i].name);
    }
}

static const struct {
    const char *pattern, *message;
} refused[] = {
    { "/(?!main)/", "`(?!` is not supported in it" },
    { "/(?<n>x)/", "`(?<` is not supported in it" },
    { "/(x)\\1/", "`\\1` is not supported in it" },
    { "/\\p{L}/", "`\\p` is not supported in it" },
    { "/[z-a]/", "`z-a` is not supported in it" },
    { "/[a/", "`[a` is not supported in it" },
    { "/[\\p]/", "`\\p` is not supported in it" },
    { "/a{1001}/", "`{1001}` is not supported in it" },
    { "/((a{100}){10}){2}/", "`{2}` is not supported in it" },
    { "/(/", "Unmatched ( or \\(" },
    { "/a\\/", "`\\` is not supported in it" },
};

static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
        const struct ref_facts ref = { "x", false, "p" };
        auto_err e = ERR_INIT;
        if (ref_pattern_check(refused[i].pattern, &e) == 0)
            fail_msg("%s: taken", refused[i].pattern);
        assert_string_equal(err_text(&e), refused[i].message);
        assert_int_equal(e.kind, ERR_JOB);
        assert_false(ref_pattern_matches(refused[i].pattern, &ref));
    }
}

static void test_foreign(void **state)
{
    (void)state;
    assert_true(ref_pattern_is_foreign("merge_requests"));
    assert_true(ref_pattern_is_foreign("schedules"));
    assert_false(ref_pattern_is_foreign("pushes"));
    assert_false(ref_pattern_is_foreign("main"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matches),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_foreign),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
