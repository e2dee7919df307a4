#include "cache/archive/entry_name.h"

#include "base/memory.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_clean(void **state)
{
    static const struct { const char *name, *want; } rows[] = {
        { "a", "a" }, { "a/b", "a/b" }, { "./a//b/", "a/b" }, { "a/./b/.", "a/b" }, { "", "" }, { "./", "" }, { ".", "" },
        { "..a", "..a" }, { "a..", "a.." }, { "...", "..." }, { "a b/\n", "a b/\n" }, { ".hidden", ".hidden" },
        { "/a", NULL }, { "/", NULL }, { "..", NULL }, { "../a", NULL }, { "a/..", NULL }, { "a/../b", NULL }, { "./..", NULL },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_free char *got = entry_name_clean(rows[i].name);
        if (!rows[i].want && got)
            fail_msg("'%s' became '%s'", rows[i].name, got);
        if (rows[i].want) {
            assert_non_null(got);
            assert_string_equal(got, rows[i].want);
        }
    }
}

static void test_too_long(void **state)
{
    auto_free char *name = xcalloc(1, PATH_MAX + 1);
    (void)state;
    memset(name, 'a', PATH_MAX);
    assert_null(entry_name_clean(name));
    name[PATH_MAX - 1] = '\0';
    auto_free char *got = entry_name_clean(name);
    assert_string_equal(got, name);
}

static void test_link(void **state)
{
    static const struct { const char *name, *target; bool want; } rows[] = {
        { "a", "b", true }, { "a", "./b/c", true }, { "d/a", "../b", true }, { "d/e/a", "../../b", true }, { "d/a", "..", true },
        { "a", ".", true }, { "a", "b..", true }, { "a", "..b", true }, { "d/a", ".././/b", true },
        { "a", "/etc/passwd", false }, { "a", "/", false }, { "a", "", false }, { "a", "..", false }, { "a", "../b", false },
        { "d/a", "../../b", false },
        { "d/a", "e/../b", false }, { "a", "b/../..", false }, { "d/e/a", "../f/../../b", false }, /* `e` may be a link itself */
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (entry_link_inside(rows[i].name, rows[i].target) != rows[i].want)
            fail_msg("'%s' -> '%s'", rows[i].name, rows[i].target);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clean),
        cmocka_unit_test(test_too_long),
        cmocka_unit_test(test_link),
    };
    return cmocka_run_group_tests_name("entry_name", tests, NULL, NULL);
}
