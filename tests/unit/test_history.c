#include "stages/pipeline/history.h"

#include <stdlib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* What is left out after `depth` generations of the list; NULL when the list is too short to tell. */
static char *ends(const char *commits, int depth)
{
    auto_free char *text = xstrdup(commits);
    auto_strvec out = STRVEC_INIT, tags = STRVEC_INIT;

    return history_read(text, depth, &out, &tags) ? strvec_join(&out, " ") : NULL;
}

static void assert_ends(const char *commits, int depth, const char *expected)
{
    auto_free char *found = ends(commits, depth);

    if (!expected)
        assert_null(found);
    else
        assert_string_equal(found ? found : "too short", expected);
}

static void test_a_line(void **state)
{
    static const char line[] = "d c\nc b\nb a\na\n";

    (void)state;
    assert_ends(line, 1, "d");
    assert_ends(line, 2, "c");
    assert_ends(line, 3, "b");
    assert_ends(line, 4, ""); /* the first commit has no parents to leave out */
    assert_ends(line, 100, "");
    assert_ends("d c\nc b", 2, "c");
    assert_ends("", 3, "");
}

/* The nearest way counts: `a` is one generation from `m`, and three by the other side. */
static void test_a_merge(void **state)
{
    static const char merge[] = "m c a\nc b\nb a\na z\nz y\ny\n";

    (void)state;
    assert_ends(merge, 1, "m");
    assert_ends(merge, 2, "c a");
    assert_ends(merge, 3, "b z");
    assert_ends(merge, 4, "");
}

static void test_a_list_that_is_too_short(void **state)
{
    (void)state;
    assert_ends("d c\n", 2, NULL);
    assert_ends("d c x\nc b\n", 2, NULL); /* x was not listed yet */
    assert_ends("d c x\nc b\nx\n", 2, "c");
}

/* Those of the commits that are left; what is marked otherwise, or has a comma in its name, as git says it. */
static void test_tags(void **state)
{
    static const struct {
        int depth;
        const char *tags;
    } cases[] = {
        { 1, "refs/tags/v3" },
        { 2, "refs/tags/v3 refs/tags/a,b refs/tags/v2" },
        { 3, "refs/tags/v3 refs/tags/a,b refs/tags/v2" },
        { 100, "refs/tags/v0 refs/tags/v3 refs/tags/a,b refs/tags/v2" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        auto_free char *text = xstrdup("d e\tHEAD -> refs/heads/main, tag: refs/tags/v3\n"
                                       "f c\ttag: refs/tags/elsewhere\n"
                                       "e b\ttag: refs/tags/a,b, refs/remotes/origin/x, tag: refs/tags/v2\n"
                                       "c b\t\nb a\t\na \ttag: refs/tags/v0\n");
        auto_strvec ends = STRVEC_INIT, tags = STRVEC_INIT;
        assert_true(history_read(text, cases[i].depth, &ends, &tags));
        auto_free char *found = strvec_join(&tags, " ");
        assert_string_equal(found, cases[i].tags);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_line),
        cmocka_unit_test(test_a_merge),
        cmocka_unit_test(test_a_list_that_is_too_short),
        cmocka_unit_test(test_tags),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
