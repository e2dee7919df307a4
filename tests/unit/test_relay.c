#include "stages/deploy/relay.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* What was heard, as text: "(" "=data" ")". */
static int note(void *ctx, enum relay_kind kind, const char *data, size_t len)
{
    strbuf_putc(ctx, (char)kind);
    strbuf_putn(ctx, data, len);
    return 0;
}

static int refuse(void *ctx, enum relay_kind kind, const char *data, size_t len)
{
    (void)ctx, (void)data, (void)len;
    return kind == RELAY_DATA ? -1 : 0;
}

static void put(struct strbuf *out, enum relay_kind kind, const char *text)
{
    relay_put(out, kind, text, strlen(text));
}

static void test_frames_arrive_however_they_are_cut(void **state)
{
    auto_strbuf stream = STRBUF_TEXT;

    (void)state;
    put(&stream, RELAY_OPEN, "");
    put(&stream, RELAY_DATA, "one");
    put(&stream, RELAY_DATA, "");
    put(&stream, RELAY_CLOSE, "");
    put(&stream, RELAY_OPEN, "");
    put(&stream, RELAY_DATA, "two");
    for (size_t piece = 1; piece <= stream.len; piece++) {
        auto_strbuf heard = STRBUF_TEXT;
        struct relay_reader r = RELAY_READER_INIT;
        const char *why = NULL;
        for (size_t at = 0; at < stream.len; at += piece) {
            size_t n = stream.len - at < piece ? stream.len - at : piece;
            assert_int_equal(relay_read(&r, stream.data + at, n, note, &heard, &why), 0);
        }
        assert_string_equal(strbuf_text(&heard), "(=one=)(=two");
        assert_true(r.open);
        relay_reader_release(&r);
    }
}

static void test_long_data_passes_in_one_piece(void **state)
{
    auto_free char *data = xmalloc(RELAY_DATA_MAX);
    auto_strbuf stream = STRBUF_TEXT;
    auto_strbuf heard = STRBUF_TEXT;
    struct relay_reader r = RELAY_READER_INIT;
    const char *why = NULL;

    (void)state;
    memset(data, 'x', RELAY_DATA_MAX);
    put(&stream, RELAY_OPEN, "");
    for (int i = 0; i < 20; i++)
        relay_put(&stream, RELAY_DATA, data, RELAY_DATA_MAX);
    assert_int_equal(relay_read(&r, stream.data, stream.len, note, &heard, &why), 0);
    assert_int_equal(heard.len, 1 + 20 * (1 + RELAY_DATA_MAX));
    relay_reader_release(&r);
}

static const struct {
    const char *bytes;
    size_t len;
    const char *why;
} refused[] = {
    { "garbage", 7, "too long" },
    { "x\0\0\0\0", 5, "no known kind" },
    { ")\0\0\0\0", 5, "nobody is there to go" },
    { "=\0\0\0\1x", 6, "nobody is there to say" },
    { "(\0\0\0\0(\0\0\0\0", 10, "before the last one has gone" },
    { "(\0\0\0\0)\0\0\0\0=\0\0\0\1x", 16, "nobody is there to say" },
    { "(\0\0\0\1x", 6, "too long" },
    { "(\0\0\0\0)\0\0\0\1x", 11, "too long" },
    { "(\0\0\0\0=\0\0\x40\1", 10, "too long" },
    { "(\0\0\0\0=\xff\xff\xff\xff", 10, "too long" },
};

static void test_refuses_what_no_relay_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
        auto_strbuf heard = STRBUF_TEXT;
        struct relay_reader r = RELAY_READER_INIT;
        const char *why = NULL;
        assert_int_equal(relay_read(&r, refused[i].bytes, refused[i].len, note, &heard, &why), -1);
        assert_non_null(why);
        if (!strstr(why, refused[i].why))
            fail_msg("%zu: '%s' does not say '%s'", i, why, refused[i].why);
        relay_reader_release(&r);
    }
}

static void test_who_takes_frames_may_end_it(void **state)
{
    struct relay_reader r = RELAY_READER_INIT;
    const char *why = "";

    (void)state;
    assert_int_equal(relay_read(&r, "(\0\0\0\0", 5, refuse, NULL, &why), 0);
    assert_int_equal(relay_read(&r, "=\0\0\0\1x", 6, refuse, NULL, &why), -1);
    assert_null(why);
    relay_reader_release(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames_arrive_however_they_are_cut),
        cmocka_unit_test(test_long_data_passes_in_one_piece),
        cmocka_unit_test(test_refuses_what_no_relay_says),
        cmocka_unit_test(test_who_takes_frames_may_end_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
