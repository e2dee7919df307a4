#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    const char *text, *part;
    bool starts, ends;
} parts[] = {
    { "abc", "", true, true },   { "abc", "a", true, false },    { "abc", "c", false, true },
    { "abc", "abc", true, true }, { "abc", "abcd", false, false }, { "", "a", false, false },
    { "", "", true, true },      { "aba", "a", true, true },
};

static void test_starts_and_ends(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
        if (text_starts(parts[i].text, parts[i].part) != parts[i].starts ||
            text_ends(parts[i].text, parts[i].part) != parts[i].ends)
            fail_msg("'%s' and '%s'", parts[i].text, parts[i].part);
}

static const struct {
    const char *text;
    size_t max;
    const char *wanted;
} visible[] = {
    { "", 10, "" },
    { "plain", 10, "plain" },
    { "plain", 5, "plain" },
    { "plain", 4, "plai..." },
    { "plain", 0, "..." },
    { "a\nb\tc\r", 10, "a\\nb\\tc\\r" },
    { "\033[31mred\177", 20, "\\x1b[31mred\\x7f" },
    { "caf\xc3\xa9", 10, "caf\xc3\xa9" },
    { "caf\xc3\xa9", 4, "caf..." },
    { "\xe2\x82\xac\xf0\x9f\x98\x80", 10, "\xe2\x82\xac\xf0\x9f\x98\x80" },
    { "\xc2\x9b" "31m", 10, "\\xc2\\x9b" "31m" },   /* the one-character ESC [ */
    { "\xc2\xa0", 10, "\xc2\xa0" },
    { "\xff\xfe", 10, "\\xff\\xfe" },
    { "\xc0\xaf", 10, "\\xc0\\xaf" },               /* overlong */
    { "\xe0\x80\xaf", 10, "\\xe0\\x80\\xaf" },
    { "\xed\xa0\x80", 10, "\\xed\\xa0\\x80" },      /* a surrogate */
    { "\xf4\x90\x80\x80", 10, "\\xf4\\x90\\x80\\x80" },
    { "\xf0\x80\x80\x80", 10, "\\xf0\\x80\\x80\\x80" },
    { "a\xe2\x82", 10, "a\\xe2\\x82" },             /* cut short */
};

static void test_visible(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(visible); i++) {
        auto_strbuf out = STRBUF_TEXT;
        text_visible(&out, visible[i].text, visible[i].max);
        if (strcmp(strbuf_text(&out), visible[i].wanted) != 0)
            fail_msg("row %zu: '%s' is not '%s'", i, strbuf_text(&out), visible[i].wanted);
    }
}

static void test_quote(void **state)
{
    (void)state;
    char text[500];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    auto_free char *quoted = text_quote(text);
    assert_int_equal(strlen(quoted), 403);
    assert_string_equal(quoted + 398, "xx...");
}

static const char *const keywords[] = { "image", "script", "stage", "stages", "only", "before_script", NULL };

static const struct {
    const char *word, *wanted;
} nearest[] = {
    { "image", "image" },
    { "Image", "image" },
    { "imgae", "image" },       /* swapped */
    { "scipt", "script" },      /* left out */
    { "scripts", "script" },    /* added */
    { "stagess", "stages" },    /* the nearest one, not the first */
    { "befor_scirpt", "before_script" },
    { "onl", "only" },
    { "services", NULL },
    { "x", NULL },
    { "", NULL },
    { "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", NULL },
};

static void test_nearest(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(nearest); i++) {
        const char *got = text_nearest(nearest[i].word, keywords);
        if (!got != !nearest[i].wanted || (got && strcmp(got, nearest[i].wanted) != 0))
            fail_msg("'%s': %s", nearest[i].word, got ? got : "nothing");
    }
    static const char *const none[] = { NULL };
    assert_null(text_nearest("image", none));
}

static const struct {
    const char *pattern, *text;
    bool fits;
} patterns[] = {
    { "main", "main", true },       { "main", "main2", false },
    { "release/*", "release/1/2", true }, { "**/x", "a/b/x", true },
    { "v[0-9]*", "v1.2", true },    { "v[0-9]*", "vx", false },
    { "*", "", true },              { "", "", true },
    { "a?c", "abc", true },         { "a\\*", "a*", true },
    { "a\\*", "ab", false },
};

static void test_matches(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(patterns); i++)
        if (text_matches(patterns[i].pattern, patterns[i].text) != patterns[i].fits)
            fail_msg("'%s' and '%s'", patterns[i].pattern, patterns[i].text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_starts_and_ends), cmocka_unit_test(test_visible), cmocka_unit_test(test_quote),
        cmocka_unit_test(test_nearest),         cmocka_unit_test(test_matches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
