#include "executor/mark.h"

#include "base/strbuf.h"
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define DIGITS "0123456789abcdef01234567"
#define WORD   "\1" DIGITS
#define MARK   WORD "\n"

struct heard {
    struct strbuf text;
    unsigned calls, fail_at;
};

static int hear(void *ctx, const char *data, size_t len, struct err *e)
{
    struct heard *h = ctx;
    assert_true(len > 0);
    if (++h->calls == h->fail_at)
        return err_set(e, ERR_SYSTEM, 32, "the sink is full");
    strbuf_putn(&h->text, data, len);
    return 0;
}

static struct mark fixed(void)
{
    struct mark m = { .matched = 0 };
    _Static_assert(sizeof(MARK) == sizeof(m.text), "the mark's length");
    memcpy(m.text, MARK, sizeof(MARK));
    return m;
}

static const struct {
    const char *what, *stream, *want;
    bool seen;
} streams[] = {
    { "nothing", "", "", false },
    { "the mark alone", MARK, "", true },
    { "at the start", MARK "hello\n", "hello\n", true },
    { "in the middle", "from the entrypoint\n" MARK "hello\n", "from the entrypoint\nhello\n", true },
    { "at the end", "from the entrypoint\n" MARK, "from the entrypoint\n", true },
    { "in the middle of a line", "a" MARK "b", "ab", true },
    { "without it", "hello\n", "hello\n", false },
    { "without its newline", WORD, WORD, false },
    { "with another end", WORD "\r\n", WORD "\r\n", false },
    { "its first byte", "\1", "\1", false },
    { "its first byte, and text", "\1hello", "\1hello", false },
    { "its digits", DIGITS "\n", DIGITS "\n", false },
    { "the last digit is wrong", "\1" "0123456789abcdef01234566\n", "\1" "0123456789abcdef01234566\n", false },
    { "one digit is missing", "\1" "123456789abcdef01234567\n", "\1" "123456789abcdef01234567\n", false },
    { "begun twice", "\1\1" DIGITS "\n", "\1", true },
    { "begun, and then whole", "\1" "012345" MARK "x", "\1" "012345x", true },
    { "nearly, and then whole", WORD MARK, WORD, true },
    { "nearly, a newline, and then whole", WORD " \n" MARK "!", WORD " \n!", true },
    { "a second one is the script's own", MARK "a" MARK "b", "a" MARK "b", true },
    { "half of a second one", MARK "a" WORD, "a" WORD, true },
};

/* Every way to cut the stream in three. */
static void check_pieces(size_t row, size_t a, size_t b)
{
    const char *bytes = streams[row].stream;
    const size_t cuts[] = { 0, a, b, strlen(bytes) };
    struct heard h = { .text = STRBUF_TEXT };
    struct mark m = fixed();
    for (int i = 0; i < 3; i++)
        assert_int_equal(mark_filter(&m, bytes + cuts[i], cuts[i + 1] - cuts[i], hear, &h, NULL), 0);
    assert_true(text_starts(streams[row].want, strbuf_text(&h.text)));
    assert_int_equal(mark_finish(&m, hear, &h, NULL), 0);
    assert_string_equal(strbuf_text(&h.text), streams[row].want);
    assert_int_equal(m.seen, streams[row].seen);
    strbuf_release(&h.text);
}

static void test_every_cut(void **state)
{
    (void)state;
    for (size_t row = 0; row < ARRAY_SIZE(streams); row++) {
        print_message("    %s\n", streams[row].what);
        size_t len = strlen(streams[row].stream);
        for (size_t b = 0; b <= len; b++)
            for (size_t a = 0; a <= b; a++)
                check_pieces(row, a, b);
    }
}

/* A log that is watched must not wait for more than what may be the mark. */
static void test_holds_back_no_more_than_it_must(void **state)
{
    (void)state;
    static const struct {
        const char *sent, *passed;
    } rows[] = { { "hello", "hello" }, { "hello\1", "hello" }, { "a\1" "01", "a" }, { "a\1" "0x", "a\1" "0x" } };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct heard h = { .text = STRBUF_TEXT };
        struct mark m = fixed();
        assert_int_equal(mark_filter(&m, rows[i].sent, strlen(rows[i].sent), hear, &h, NULL), 0);
        assert_string_equal(strbuf_text(&h.text), rows[i].passed);
        assert_int_equal(mark_finish(&m, hear, &h, NULL), 0);
        assert_string_equal(strbuf_text(&h.text), rows[i].sent);
        assert_int_equal(mark_finish(&m, hear, &h, NULL), 0); /* once is enough */
        assert_string_equal(strbuf_text(&h.text), rows[i].sent);
        strbuf_release(&h.text);
    }
}

static void test_bytes_that_are_no_text(void **state)
{
    (void)state;
    static const char stream[] = "\0\377\1\0" MARK "\0\1";
    static const char want[] = "\0\377\1\0\0\1";
    struct heard h = { .text = STRBUF_TEXT };
    struct mark m = fixed();
    assert_int_equal(mark_filter(&m, stream, sizeof(stream) - 1, hear, &h, NULL), 0);
    assert_int_equal(mark_finish(&m, hear, &h, NULL), 0);
    assert_int_equal(h.text.len, sizeof(want) - 1);
    assert_memory_equal(h.text.data, want, sizeof(want) - 1);
    assert_true(m.seen);
    strbuf_release(&h.text);
}

static void test_sink_that_refuses(void **state)
{
    (void)state;
    static const char stream[] = "a\1" "0b" MARK "c";
    for (unsigned at = 1; at <= 3; at++) {
        struct heard h = { .text = STRBUF_TEXT, .fail_at = at };
        struct mark m = fixed();
        auto_err e = ERR_INIT;
        assert_int_equal(mark_filter(&m, stream, strlen(stream), hear, &h, &e), -1);
        assert_string_equal(err_text(&e), "the sink is full");
        strbuf_release(&h.text);
    }
    struct heard h = { .text = STRBUF_TEXT, .fail_at = 1 };
    struct mark m = fixed();
    assert_int_equal(mark_filter(&m, "\1", 1, hear, &h, NULL), 0);
    assert_int_equal(mark_finish(&m, hear, &h, NULL), -1);
    strbuf_release(&h.text);
}

static void test_drawn(void **state)
{
    (void)state;
    struct mark a, b;
    assert_int_equal(mark_init(&a, NULL), 0);
    assert_int_equal(mark_init(&b, NULL), 0);
    auto_free char *word = mark_word(&a);
    auto_free char *other = mark_word(&b);
    assert_string_not_equal(word, other);
    assert_int_equal(strlen(word), MARK_LEN - 1);
    assert_int_equal(strspn(word, "0123456789abcdef"), MARK_LEN - 1);

    auto_free char *printed = xasprintf("\1%s\n", word); /* as the shell does */
    struct heard h = { .text = STRBUF_TEXT };
    assert_int_equal(mark_filter(&a, printed, strlen(printed), hear, &h, NULL), 0);
    assert_int_equal(mark_filter(&b, printed, strlen(printed), hear, &h, NULL), 0);
    assert_true(a.seen && !b.seen);
    assert_string_equal(strbuf_text(&h.text), printed);
    strbuf_release(&h.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_cut),
        cmocka_unit_test(test_holds_back_no_more_than_it_must),
        cmocka_unit_test(test_bytes_that_are_no_text),
        cmocka_unit_test(test_sink_that_refuses),
        cmocka_unit_test(test_drawn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
