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
    auto_strvec out = STRVEC_INIT;

    return history_ends(text, depth, &out) ? strvec_join(&out, " ") : NULL;
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_line),
        cmocka_unit_test(test_a_merge),
        cmocka_unit_test(test_a_list_that_is_too_short),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
