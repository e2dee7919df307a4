#include "executor/mark.h"

#include "base/strbuf.h"
#include "base/text.h"

#include <inttypes.h>
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
    struct mark m = { .n = 0 };
    _Static_assert(sizeof(WORD) == sizeof(m.text), "the mark's length");
    memcpy(m.text, WORD, sizeof(WORD));
    return m;
}

static const struct {
    const char *what, *stream, *want;
    unsigned seen;
    const char *folder; /* of whom it wants it: "UID GID" */
    int pid;
} streams[] = {
    { "nothing", "", "", 0, NULL },
    { "the mark alone", MARK, "", 1, NULL },
    { "at the start", MARK "hello\n", "hello\n", 1, NULL },
    { "in the middle", "from the entrypoint\n" MARK "hello\n", "from the entrypoint\nhello\n", 1, NULL },
    { "at the end", "from the entrypoint\n" MARK, "from the entrypoint\n", 1, NULL },
    { "in the middle of a line", "a" MARK "b", "ab", 1, NULL },
    { "without it", "hello\n", "hello\n", 0, NULL },
    { "without its newline", WORD, WORD, 0, NULL },
    { "with another end", WORD "\r\n", WORD "\r\n", 0, NULL },
    { "its first byte", "\1", "\1", 0, NULL },
    { "its first byte, and text", "\1hello", "\1hello", 0, NULL },
    { "its digits", DIGITS "\n", DIGITS "\n", 0, NULL },
    { "the last digit is wrong", "\1" "0123456789abcdef01234566\n", "\1" "0123456789abcdef01234566\n", 0, NULL },
    { "one digit is missing", "\1" "123456789abcdef01234567\n", "\1" "123456789abcdef01234567\n", 0, NULL },
    { "begun twice", "\1\1" DIGITS "\n", "\1", 1, NULL },
    { "begun, and then whole", "\1" "012345" MARK "x", "\1" "012345x", 1, NULL },
    { "nearly, and then whole", WORD MARK, WORD, 1, NULL },
    { "nearly, a newline, and then whole", WORD " \n" MARK "!", WORD " \n!", 1, NULL },
    { "a second one", MARK "a" MARK "b", "ab", 2, NULL },
    { "one at once after the other", MARK MARK, "", 2, NULL },
    { "half of a second one", MARK "a" WORD, "a" WORD, 1, NULL },
    { "a third one is the script's own", MARK "a" MARK "b" MARK "c", "ab" MARK "c", 2, NULL },
    { "a folder", WORD " 1000 50\nhello\n", "hello\n", 1, "1000 50" },
    { "a folder for the greatest of users", WORD " 4294967294 4294967294\n", "", 1, "4294967294 4294967294" },
    { "a folder for nobody", WORD " 4294967295 0\n", WORD " 4294967295 0\n", 0, NULL },
    { "a folder, and the end", WORD " 1 2\nhello\n" MARK, "hello\n", 2, "1 2" },
    { "a folder wanted too late", MARK "hello\n" WORD " 1 2\n", "hello\n", 2, NULL },
    { "ids of too many digits", WORD " 42949672940 42949672940\n", WORD " 42949672940 42949672940\n", 0, NULL },
    { "a shell", WORD " 1000\nhello\n", "hello\n", 1, NULL, 1000 },
    { "a folder and a shell", WORD " 1 2 3\nhello\n", "hello\n", 1, "1 2", 3 },
    { "four numbers", WORD " 1 2 3 4\n", WORD " 1 2 3 4\n", 0, NULL },
    { "no ids", WORD "  \n", WORD "  \n", 0, NULL },
    { "a negative id", WORD " -1 0\n", WORD " -1 0\n", 0, NULL },
    { "digits without a blank", WORD "1 2\n", WORD "1 2\n", 0, NULL },
    { "ids, and then whole", WORD " 1 2" MARK "x", WORD " 1 2x", 1, NULL },
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
    auto_free char *folder = m.wants_folder ? xasprintf("%" PRId64 " %" PRId64, m.uid, m.gid) : NULL;
    assert_string_equal(folder ? folder : "nobody", streams[row].folder ? streams[row].folder : "nobody");
    assert_int_equal(m.pid, streams[row].pid);
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
    } rows[] = { { "hello", "hello" }, { "hello\1", "hello" }, { "a\1" "01", "a" }, { "a\1" "0x", "a\1" "0x" },
               { WORD " 12", "" }, { WORD "x", WORD "x" } };
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
    assert_int_equal(m.seen, 1);
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
