#include "stages/pipeline/event.h"
#include "stages/pipeline/re2.h"
#include "stages/pipeline/ref_pattern.h"

#include "base/memory.h"

#include <errno.h>
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
    { "/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/", "01234567-89ab-cdef-0123-456789abcdef", false, true },
    { "/^((a+)+|b)+$/", "aab", false, true },
};

static void test_matches(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct ref_facts ref = { rows[i].name, rows[i].is_tag, "group/project", NULL };
        auto_err e = ERR_INIT;
        if (ref_pattern_check(rows[i].pattern, &e) < 0)
            fail_msg("%s: %s", rows[i].pattern, err_text(&e));
        if (ref_pattern_matches(rows[i].pattern, &ref) != rows[i].want)
            fail_msg("%s on %s", rows[i].pattern, rows[i].name);
    }
}

static const struct {
    const char *pattern, *message;
    bool re2_can;
} refused[] = {
    { "/(?!main)/", "`(?!` is not supported in it" },
    { "/(?<n>x)/", "`(?<` is not supported in it", true },
    { "/(x)\\1/", "`\\1` is not supported in it" },
    { "/\\p{L}/", "`\\p` is not supported in it", true },
    { "/[z-a]/", "`z-a` is not supported in it" },
    { "/[a/", "`[a` is not supported in it" },
    { "/[\\p]/", "`\\p` is not supported in it", true },
    { "/[a-\\x41]/", "`\\x41` is not supported in it", true },
    { "/[a-\\d]/", "`\\d` is not supported in it" },
    { "/a\\n/", "`\\n` is not supported in it", true },
    { "/\\012/", "`\\0` is not supported in it", true },
    { "/\\y/", "`\\y` is not supported in it" },
    { "/x(?i:y)/", "`(?i` is not supported in it", true },
    { "/x(?i)y/", "`(?i` is not supported in it", true },
    { "/(?P<n>y)/", "`(?P` is not supported in it", true },
    { "/(?<=y)/", "`(?<` is not supported in it" },
    { "/(?>y)/", "`(?>` is not supported in it" },
    { "/a{1001}/", "`{1001}` is not supported in it" },
    /* glibc would write all of these out. */
    { "/((a{100}){10}){9}/", "it is too large with all that its counts and plus signs repeat", true },
    { "/((((((((((((((a+)+)+)+)+)+)+)+)+)+)+)+)+)+)/", "it is too large with all that its counts and plus signs repeat", true },
    { "/(a{1000})(b{1000})(c{1000})(d{1000})(e{1000})/", "it is too large with all that its counts and plus signs repeat", true },
    { "/na++/", "there is nothing that `+` could repeat" },
    { "/(a))/", "it has a `)` without a `(`" },
    { "/a{2}{3}/", "there is nothing that `{3}` could repeat" },
    { "/a(*b)/", "there is nothing that `*` could repeat" },
    { "/a|?/", "there is nothing that `?` could repeat" },
    { "/(/", "Unmatched ( or \\(" },
    { "/a\\/", "`\\` is not supported in it" },
};

static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
        const struct ref_facts ref = { "x", false, "p", NULL };
        auto_err e = ERR_INIT;
        if (ref_pattern_check(refused[i].pattern, &e) == 0)
            fail_msg("%s: taken", refused[i].pattern);
        assert_string_equal(err_text(&e), refused[i].message);
        assert_int_equal(e.kind, ERR_JOB);
        if (e.code != (refused[i].re2_can ? ENOTSUP : 0))
            fail_msg("%s: code %d", refused[i].pattern, e.code);
        assert_false(ref_pattern_matches(refused[i].pattern, &ref));
    }
}

/* What a pipeline was started by: which words of `only` mean it. */
static const struct {
    const char *event, *pattern;
    bool want;
} events[] = {
    { NULL, "pushes", true },
    { NULL, "push", true },
    { NULL, "schedules", false },
    { "schedule", "schedules", true },
    { "schedule", "pushes", false },
    { "schedule", "branches", true },
    { "schedule", "main", true },
    { "web", "web", true },
    { "web", "/^main$/", true },
    { "merge_request_event", "merge_requests", true },
    { "merge_request_event", "merge_requests@group/project", true },
    { "merge_request_event", "merge_requests@group/other", false },
    { "merge_request_event", "external_pull_requests", false },
    { "merge_request_event", "branches", false },
    { "merge_request_event", "main", false },
    { "merge_request_event", "/main/", false },
    { "external_pull_request_event", "external_pull_requests", true },
    { "parent_pipeline", "branches", true },
};

static void test_events(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
        const struct ref_facts ref = { "main", false, "group/project", events[i].event };
        if (ref_pattern_matches(events[i].pattern, &ref) != events[i].want)
            fail_msg("%s on %s", events[i].pattern, events[i].event ? events[i].event : "a push");
    }
    assert_string_equal(event_of_word("merge_requests"), "merge_request_event");
    assert_string_equal(event_of_word("schedules"), "schedule");
    assert_null(event_of_word("pushes"));
    assert_null(event_of_word("main"));
}

static void test_no_event(void **state)
{
    auto_err e = ERR_INIT;

    (void)state;
    assert_int_equal(event_check(NULL, NULL), 0);
    assert_int_equal(event_check("api", NULL), 0);
    assert_int_equal(event_check("merge_requests", &e), -1);
    assert_int_equal(e.kind, ERR_USAGE);
    assert_non_null(strstr(err_text(&e), "merge_request_event"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matches),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_no_event),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
