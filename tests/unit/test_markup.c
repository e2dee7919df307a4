#include "stages/pipeline/markup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define NONE "\xef\xbf\xbd"

static const struct {
    const char *text, *want;
} rows[] = {
    { "", "" },
    { "plain, \ttext\n", "plain, \ttext\n" },
    { "</script><img src='x' onerror=\"y\">&amp;", "&lt;/script&gt;&lt;img src=&#39;x&#39; onerror=&quot;y&quot;&gt;&amp;amp;" },
    { "\x01\x1b[0m\r\x7f", NONE NONE "[0m" NONE NONE },
    { "\xc3\xa4 \xe2\x9c\x93 \xf0\x9f\x98\x80", "\xc3\xa4 \xe2\x9c\x93 \xf0\x9f\x98\x80" },
    { "\xc0\xbc", NONE NONE },             /* `<`, overlong */
    { "\xe0\x80\xbc", NONE NONE NONE },
    { "\xed\xa0\x80", NONE NONE NONE },    /* a surrogate */
    { "\xc2\x85", NONE NONE },             /* C1 */
    { "\xf4\x90\x80\x80", NONE NONE NONE NONE },
    { "\xff\xfe", NONE NONE },
    { "a\xe2\x9c", "a" NONE NONE },        /* cut off */
    { "\xe2<b", NONE "&lt;b" },            /* a tag is no part of a broken character */
};

static void test_text(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_strbuf out = STRBUF_TEXT;
        markup_word(&out, rows[i].text);
        assert_string_equal(strbuf_text(&out), rows[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
