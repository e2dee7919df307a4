#include "engine/stream.h"

#include "base/strbuf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* What a sink heard: each piece with its kind, and the same kind's pieces joined. */
struct heard {
    struct strbuf text;
    int last;
    size_t fail_at; /* refuse when that many bytes were heard; 0: never */
};

#define HEARD_INIT { STRBUF_TEXT, -1, 0 }

static int hear(void *ctx, enum stream_kind kind, const char *data, size_t len, struct err *e)
{
    struct heard *h = ctx;
    assert_true(len > 0);
    if (h->last != (int)kind)
        strbuf_printf(&h->text, "<%d>", (int)kind);
    h->last = (int)kind;
    strbuf_putn(&h->text, data, len);
    if (h->fail_at && h->text.len >= h->fail_at)
        return err_set(e, ERR_SYSTEM, 32, "the sink is full");
    return 0;
}

#define BYTES(literal) (literal), sizeof(literal) - 1

static const struct {
    const char *what, *bytes;
    size_t len;
    const char *want;  /* NULL: an error */
    const char *error; /* of decoding, or of the end */
} streams[] = {
    { "nothing", BYTES(""), "", NULL },
    { "one frame", BYTES("\1\0\0\0\0\0\0\2hi"), "<1>hi", NULL },
    { "two streams", BYTES("\1\0\0\0\0\0\0\2hi\2\0\0\0\0\0\0\3ohi\1\0\0\0\0\0\0\1!"), "<1>hi<2>ohi<1>!",
      NULL },
    { "an empty frame", BYTES("\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\1x"), "<2>x", NULL },
    { "the daemon's own", BYTES("\3\0\0\0\0\0\0\2no\0\0\0\0\0\0\0\1i"), "<3>no<0>i", NULL },
    { "cut in a header", BYTES("\1\0\0\0\0\0\0\1a\1\0\0"), "<1>a", "in the middle of a frame" },
    { "cut in a payload", BYTES("\1\0\0\0\0\0\0\4abc"), "<1>abc", "in the middle of a frame" },
    { "cut before a payload", BYTES("\1\0\0\0\0\0\0\4"), "", "in the middle of a frame" },
    { "an unknown type", BYTES("\4\0\0\0\0\0\0\1a"), NULL, "starts with 04 00 00 00" },
    { "a terminal's output", BYTES("hello, world"), NULL, "starts with 68 65 6c 6c" },
    { "a frame of 4 GiB, begun", BYTES("\1\0\0\0\377\377\377\377ab"), "<1>ab", "in the middle of a frame" },
};

/* Whatever the pieces, the result is the same: every way to cut in three. */
static void check_pieces(size_t row, size_t a, size_t b)
{
    const char *bytes = streams[row].bytes;
    const size_t cuts[] = { 0, a, b, streams[row].len };
    struct heard h = HEARD_INIT;
    struct stream_decoder s = STREAM_DECODER_INIT;
    auto_err e = ERR_INIT;
    int result = 0;
    for (int i = 0; i < 3 && result == 0; i++)
        result = stream_decode(&s, bytes + cuts[i], cuts[i + 1] - cuts[i], hear, &h, &e);
    assert_int_equal(result, streams[row].want ? 0 : -1);
    if (result == 0) {
        assert_string_equal(strbuf_text(&h.text), streams[row].want);
        result = stream_finish(&s, &e);
    }
    assert_int_equal(result, streams[row].error ? -1 : 0);
    if (streams[row].error)
        assert_non_null(strstr(err_text(&e), streams[row].error));
    strbuf_release(&h.text);
}

static void test_every_cut(void **state)
{
    (void)state;
    for (size_t row = 0; row < ARRAY_SIZE(streams); row++) {
        print_message("    %s\n", streams[row].what);
        for (size_t b = 0; b <= streams[row].len; b++) {
            for (size_t a = 0; a <= b; a++)
                check_pieces(row, a, b);
        }
    }
}

static void test_sink_that_refuses(void **state)
{
    (void)state;
    struct heard h = HEARD_INIT;
    h.fail_at = 1;
    struct stream_decoder s = STREAM_DECODER_INIT;
    auto_err e = ERR_INIT;
    assert_int_equal(stream_decode(&s, BYTES("\1\0\0\0\0\0\0\1a\1\0\0\0\0\0\0\1b"), hear, &h, &e), -1);
    assert_string_equal(err_text(&e), "the sink is full");
    assert_string_equal(strbuf_text(&h.text), "<1>a");
    strbuf_release(&h.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_cut),
        cmocka_unit_test(test_sink_that_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
