#include "cache/helper/add_mask.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define MASKED "[MASKED]"

static const struct {
    const char *text, *want;
} rows[] = {
    { "nothing\nto hide\n", "nothing\nto hide\n" },
    { "early\n::add-mask::early\nearly\n", "early\n::add-mask::" MASKED "\n" MASKED "\n" },
    { "::add-mask::a b\r\na b, a  b\n", "::add-mask::" MASKED "\r\n" MASKED ", a  b\n" },
    { "::add-mask::one\n::add-mask::two\none two", "::add-mask::" MASKED "\n::add-mask::" MASKED "\n" MASKED " " MASKED },
    { " ::add-mask::no\nno\n", " ::add-mask::no\nno\n" },
    { "x::add-mask::no\nno\n", "x::add-mask::no\nno\n" },
    { "::add-mask::\n::add-mas\n::\n", "::add-mask::\n::add-mas\n::\n" },
    { "::add-mask::last", "::add-mask::" MASKED },
    { "::add-mask:", "::add-mask:" },
};

static void on_value(void *ctx, const char *value)
{
    mask_add(ctx, value);
}

static void check(const char *text, size_t step, const char *want)
{
    struct add_mask a = ADD_MASK_INIT(on_value, &a.mask);
    auto_strbuf out = STRBUF_TEXT;
    size_t len = strlen(text);

    for (size_t at = 0; at < len; at += step)
        add_mask_feed(&a, text + at, len - at < step ? len - at : step, &out);
    add_mask_flush(&a, &out);
    assert_string_equal(strbuf_text(&out), want);
    add_mask_release(&a);
}

/* However the stream is cut. */
static void test_lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        for (size_t step = 1; step <= strlen(rows[i].text); step++)
            check(rows[i].text, step, rows[i].want);
}

static void test_prompt_does_not_wait(void **state)
{
    struct add_mask a = ADD_MASK_INIT(on_value, &a.mask);
    auto_strbuf out = STRBUF_TEXT;

    (void)state;
    add_mask_feed(&a, "name? ", 6, &out);
    assert_string_equal(strbuf_text(&out), "name? ");
    add_mask_release(&a);
}

static void test_endless_line(void **state)
{
    struct add_mask a = ADD_MASK_INIT(on_value, &a.mask);
    auto_strbuf out = STRBUF_TEXT;
    char piece[4096];

    (void)state;
    memset(piece, 'x', sizeof(piece));
    add_mask_feed(&a, "::add-mask::", 12, &out);
    for (int i = 0; i < 17; i++)
        add_mask_feed(&a, piece, sizeof(piece), &out);
    assert_int_equal(out.len, 12 + 17 * sizeof(piece));
    add_mask_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_prompt_does_not_wait),
        cmocka_unit_test(test_endless_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
