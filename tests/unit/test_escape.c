#include "stages/pipeline/escape.h"

#include "base/process.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    const char *text, *word;
} words[] = {
    { "", "''" },
    { "plain_WORD,-./@9", "plain_WORD,-./@9" },
    { "two words", "$'two words'" },
    { "it's", "$'it\\'s'" },
    { "back\\slash", "$'back\\\\slash'" },
    { "$HOME `id` \"x\"", "$'$HOME `id` \"x\"'" },
    { "\a\b\t\n\v\f\r", "$'\\a\\b\\t\\n\\v\\f\\r'" },
    { "\x01\x1b\x7f", "$'\\x01\\x1b\\x7f'" },
    { "caf\xc3\xa9", "$'caf\\xc3\\xa9'" },
    { "-n", "-n" },
    { "~", "$'~'" },
};

static void test_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        auto_strbuf b = STRBUF_TEXT;
        shell_escape(&b, words[i].text);
        assert_string_equal(strbuf_text(&b), words[i].word);
    }
}

/* Every byte, alone and before a digit (\x1 and 1 must not become \x11), through a real bash. */
static void test_bash_reads_every_byte_back(void **state)
{
    auto_strbuf text = STRBUF_TEXT;
    auto_strbuf script = STRBUF_TEXT;
    auto_strbuf back = STRBUF_INIT(1 << 20);
    auto_err e = ERR_INIT;

    (void)state;
    for (int c = 1; c < 256; c++) {
        strbuf_putc(&text, (char)c);
        strbuf_puts(&text, "1 ");
    }
    strbuf_puts(&script, "printf %s ");
    shell_escape(&script, strbuf_text(&text));
    const char *const argv[] = { "bash", "-c", strbuf_text(&script), NULL };
    if (process_capture(argv, NULL, NULL, &back, &e) < 0)
        fail_msg("%s", err_text(&e));
    assert_string_equal(strbuf_text(&back), strbuf_text(&text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_bash_reads_every_byte_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
