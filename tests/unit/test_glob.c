#include "cache/select/glob.h"

#include "base/strbuf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    const char *pattern, *name;
    bool matches;
} rows[] = {
    { "abc", "abc", true },
    { "abc", "abcd", false },
    { "*", "abc", true },
    { "*", ".hidden", true },
    { "*", "a/b", false },
    { "a*/b", "a/b", true },
    { "a*/b", "ab/c/b", false },
    { "*c", "abcc", true },
    { "?", "/", false },
    { "?", "\xc3\xa9", true },
    { "??", "\xc3\xa9", false },
    { "?", "\xff", true },
    { "\xff", "\xfe", false },
    { "a?c", "a/c", false },
    /* "**": any number of elements, but only as one itself */
    { "**", "a", true },
    { "**", "a/b/c", true },
    { "**/c", "c", true },
    { "**/c", "a/b/c", true },
    { "**/c", "a/bc", false },
    { "a/**", "a", true },
    { "a/**", "a/b/c", true },
    { "a/**", "ab", false },
    { "a/**/c", "a/c", true },
    { "a/**/c", "a/b/b/c", true },
    { "a/**/c", "ac", false },
    { "a/**/*", "a", false },
    { "a/**/*", "a/b/c", true },
    { "a/**/**", "a", true },
    { "**/**/c", "a/b/c", true },
    { "a**", "ab", true },
    { "a**", "ab/c", false },
    { "a**/c", "a/b/c", false },
    { "**a/c", "b/a/c", false },
    { "**a/c", "ba/c", true },
    { "***/c", "b/b/c", false },
    { "\\**/c", "*/b/c", false },
    /* classes */
    { "[a-c]x", "bx", true },
    { "[a-c]x", "dx", false },
    { "[^a-c]x", "dx", true },
    { "[!a]", "a", false },
    { "[a-]", "-", true },
    { "[\\]]", "]", true },
    { "[a\\-c]", "b", false },
    { "[\xc3\xa0-\xc3\xbf]", "\xc3\xa9", true },
    { "a[^b]c", "a/c", false },
    { "a[.-0]c", "a/c", false },
    { "[*]", "a", false },
    /* braces */
    { "{a,b}c", "bc", true },
    { "{a,b}c", "cc", false },
    { "a{,b}", "a", true },
    { "a{}b", "ab", true },
    { "{a,{b,c}d}e", "cde", true },
    { "{a,{b,c}d}e", "ce", false },
    { "{src/**,lib}/x", "src/a/x", true },
    { "{**,x}/c", "a/b/c", true },
    { "a/{**,x}", "a", true },
    { "a{**,x}/c", "a/b/c", false },
    { "**{/a,b}", "x/y/a", true },
    { "**{/a,b}", "x/b", false },
    { "{a/,}b", "a/b", true },
    { "{\\,,x}", ",", true },
    { "{a\\},b}", "a}", true },
    { "a,b", "a,b", true },
    /* escapes */
    { "\\*", "*", true },
    { "\\*", "a", false },
    { "\\{a,b\\}", "{a,b}", true },
    { "a/", "a", false },
    { "*/", "a", false },
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_glob *g = NULL;
        auto_err e = ERR_INIT;
        if (glob_compile(rows[i].pattern, &g, &e) < 0)
            fail_msg("'%s': %s", rows[i].pattern, err_text(&e));
        if (glob_match(g, rows[i].name) != rows[i].matches)
            fail_msg("'%s' and '%s': wanted %d", rows[i].pattern, rows[i].name, rows[i].matches);
    }
}

static void test_syntax_errors(void **state)
{
    static const char *const bad[] = { "[", "[a", "[]", "[^]", "[a\\", "{a", "a}", "{a,{b}", "a\\" };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        auto_glob *g = NULL;
        auto_err e = ERR_INIT;
        if (glob_compile(bad[i], &g, &e) == 0)
            fail_msg("'%s' is taken", bad[i]);
        assert_int_equal(e.kind, ERR_JOB);
        assert_string_equal(err_text(&e), "syntax error in pattern");
    }
}

static void test_too_long(void **state)
{
    auto_glob *g = NULL;
    auto_err e = ERR_INIT;
    char *pattern = xmalloc(20000);
    (void)state;
    memset(pattern, 'a', 19999);
    pattern[19999] = '\0';
    assert_int_equal(glob_compile(pattern, &g, &e), -1);
    assert_int_equal(e.kind, ERR_JOB);
    free(pattern);
}

/* Backtracking would not live to see their end. */
static void test_hostile_patterns(void **state)
{
    static const struct {
        const char *piece, *end, *name;
    } hostile[] = {
        { "a*", "b", "a" }, { "{a,aa,a*}", "b", "a" }, { "**/", "b", "a/" }, { "{,a,{,a}}*", "b", "a" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(hostile); i++) {
        auto_strbuf pattern = STRBUF_TEXT, name = STRBUF_TEXT;
        auto_glob *g = NULL;
        for (int n = 0; n < 200; n++)
            strbuf_puts(&pattern, hostile[i].piece);
        for (int n = 0; n < 300; n++)
            strbuf_puts(&name, hostile[i].name);
        strbuf_puts(&pattern, hostile[i].end);
        assert_int_equal(glob_compile(strbuf_text(&pattern), &g, NULL), 0);
        assert_false(glob_match(g, strbuf_text(&name)));
        strbuf_puts(&name, "b");
        assert_true(glob_match(g, strbuf_text(&name)));
    }
}

/* What a walk relies on: nothing is left of the states where nothing below can match. */
static void test_steps(void **state)
{
    static const struct {
        const char *pattern, *name;
        enum glob_fit fit;
        bool more;
    } steps[] = {
        { "*/b", "a", GLOB_NO, true },        { "a/b", "b", GLOB_NO, false },    { "**/x", "a", GLOB_NO, true },
        { "a/**", "a", GLOB_FOLDER, true },   { "a/", "a", GLOB_FOLDER, true },  { "**", "a", GLOB_YES, true },
        { "a", "a", GLOB_YES, false },        { "a*", "abc", GLOB_YES, false },  { "**/", "a", GLOB_FOLDER, true },
        { "{a,b}/*.o", "node_modules", GLOB_NO, false },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
        auto_glob *g = NULL;
        auto_glob_states start = { NULL, 0 }, below = { NULL, 0 };
        assert_int_equal(glob_compile(steps[i].pattern, &g, NULL), 0);
        (void)glob_start(g, &start);
        enum glob_fit fit = glob_step(g, &start, steps[i].name, &below);
        if (fit != steps[i].fit || (below.n > 0) != steps[i].more)
            fail_msg("'%s' over '%s': %d, %zu states", steps[i].pattern, steps[i].name, (int)fit, below.n);
    }
}

static void test_first_meta(void **state)
{
    (void)state;
    assert_string_equal(glob_first_meta("src/a*/b"), "a*/b");
    assert_string_equal(glob_first_meta("src/\\*/b"), "");
    assert_string_equal(glob_first_meta("{a,b}"), "{a,b}");
    auto_free char *plain = glob_unescape("a\\*b\\\\rest", 6);
    assert_string_equal(plain, "a*b\\");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),          cmocka_unit_test(test_syntax_errors),
        cmocka_unit_test(test_too_long),      cmocka_unit_test(test_hostile_patterns),
        cmocka_unit_test(test_steps),         cmocka_unit_test(test_first_meta),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
