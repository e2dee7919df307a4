#include "stages/pipeline/cache_key.h"

#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct {
    const char *raw, *want;
} keys[] = {
    { "", "" },
    { "default", "default" },
    { "two words", "two words" },
    { " a / b ", " a / b" },
    { "foo/ / /", "foo" },
    { "/a/../b", "b" },
    { "a/b", "a/b" },
    { "a\\b", "a/b" },
    { "a%2fb%2Fc", "a/b/c" },
    { "../../etc", "etc" },
    { "a/../..", "" },
    { "%2e%2E/x", "x" },
    { "%2E%2E%2E", "..." },
    { "%5C", "%5C" },
    { "%2", "%2" },
    { "/", "" },
    { "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f" },
};

static void test_sanitize(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        auto_free char *is = cache_key_sanitize(keys[i].raw);
        assert_string_equal(is, keys[i].want);
    }
}

static void test_protected(void **state)
{
    (void)state;
    assert_true(cache_key_is_protected("main-protected"));
    assert_true(cache_key_is_protected("main-protected. ."));
    assert_false(cache_key_is_protected("main-non_protected"));
    assert_false(cache_key_is_protected("-protected-x"));
    assert_false(cache_key_is_protected(""));
}

static const struct {
    const char *from, *to, *want;
} ways[] = {
    { "/b/local/1/0/group/proj", "/c/local/1/group/proj/k/cache.zip", "../../../../../../c/local/1/group/proj/k/cache.zip" },
    { "/a/builds/x", "/a/cache/y", "../../cache/y" },
    { "/a/b", "/a/bc", "../bc" },
    { "/a/bc", "/a/b", "../b" },
    { "/a/b", "/a/b/c", "c" },
    { "/a/b/c", "/a/b", "../../b" },
    { "/x y/b", "/x y/c", "../c" },
};

static void test_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
        auto_free char *is = cache_key_way(ways[i].from, ways[i].to);
        assert_string_equal(is, ways[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sanitize),
        cmocka_unit_test(test_protected),
        cmocka_unit_test(test_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
