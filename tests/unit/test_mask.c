#include "base/mask.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    const char *secrets[4];
    const char *text, *want;
} rows[] = {
    { { NULL }, "nothing to hide", "nothing to hide" },
    { { "hunter22" }, "it is hunter22.", "it is [MASKED]." },
    { { "hunter22" }, "hunter22hunter22", "[MASKED][MASKED]" },
    { { "hunter22" }, "hunter2 hunthunter22", "hunter2 hunt[MASKED]" },
    { { "hunter22" }, "ends with hunter2", "ends with hunter2" },
    { { "aaaaaaab" }, "aaaaaaaaaaab", "aaaa[MASKED]" },
    { { "password", "password123" }, "password password123 password12", "[MASKED] [MASKED] [MASKED]12" },
    { { "password123", "password" }, "password", "[MASKED]" },
    { { "two\nlines" }, "a two\nlines b", "a [MASKED] b" },
    { { "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9" }, "<\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9>", "<[MASKED]\xc3\xa9>" },
    { { "" }, "empty secrets are none", "empty secrets are none" },
};

static void mask_init(struct mask *m, const char *const *secrets)
{
    *m = (struct mask)MASK_INIT;
    for (; *secrets; secrets++)
        mask_add(m, *secrets);
}

static void test_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct mask m;
        mask_init(&m, rows[i].secrets);
        auto_free char *out = mask_text(&m, rows[i].text);
        assert_string_equal(out, rows[i].want);
        mask_release(&m);
    }
}

/* In three pieces, cut at every two places. */
static void test_every_split(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        size_t len = strlen(rows[i].text);
        for (size_t a = 0; a <= len; a++)
            for (size_t b = a; b <= len; b++) {
                struct mask m;
                auto_strbuf out = STRBUF_TEXT;
                mask_init(&m, rows[i].secrets);
                mask_feed(&m, rows[i].text, a, &out);
                mask_feed(&m, rows[i].text + a, b - a, &out);
                mask_feed(&m, rows[i].text + b, len - b, &out);
                mask_flush(&m, &out);
                assert_string_equal(strbuf_text(&out), rows[i].want);
                mask_release(&m);
            }
    }
}

/* What cannot be a secret's beginning is shown at once: logs are watched live. */
static void test_holds_back_no_more_than_it_must(void **state)
{
    static const char *const secrets[] = { "hunter22", NULL };
    struct mask m;
    auto_strbuf out = STRBUF_TEXT;

    (void)state;
    mask_init(&m, secrets);
    mask_feed(&m, "hello hun", 9, &out);
    assert_string_equal(strbuf_text(&out), "hello ");
    mask_feed(&m, "!", 1, &out);
    assert_string_equal(strbuf_text(&out), "hello hun!");
    mask_release(&m);
}

static void test_bytes_of_any_value_pass(void **state)
{
    static const char *const secrets[] = { "hunter22", NULL };
    struct mask m;
    auto_strbuf out = STRBUF_TEXT;

    (void)state;
    mask_init(&m, secrets);
    mask_feed(&m, "\0\xff\0", 3, &out);
    assert_int_equal(out.len, 3);
    assert_memory_equal(out.data, "\0\xff\0", 3);
    mask_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_every_split),
        cmocka_unit_test(test_holds_back_no_more_than_it_must),
        cmocka_unit_test(test_bytes_of_any_value_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
