#include "engine/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static int collect(void *ctx, const json_t *message, struct err *e)
{
    if (json_object_get(message, "stop"))
        return err_set(e, ERR_SYSTEM, 0, "told to stop");
    auto_free char *text = json_compact(message);
    strbuf_puts(ctx, text);
    return 0;
}

static const struct {
    const char *text, *want, *error;
} streams[] = {
    { "", "", NULL },
    { "{\"a\":1}\n", "{\"a\":1}", NULL },
    { "{\"a\":1}\r\n\r\n{\"b\":\"\\n\"}\r\n", "{\"a\":1}{\"b\":\"\\n\"}", NULL },
    { "{\"a\":1}\n{\"last\":true}", "{\"a\":1}{\"last\":true}", NULL },
    { "{\"a\":1}\n{\"sta", "{\"a\":1}", "closed the stream early" },
    { "{\"a\":1}\n<html>\n{\"b\":2}\n", "{\"a\":1}", "is not JSON" },
    { "{\"a\":1}\n{\"stop\":1}\n{\"b\":2}\n", "{\"a\":1}", "told to stop" },
};

static void test_every_cut(void **state)
{
    (void)state;
    for (size_t row = 0; row < ARRAY_SIZE(streams); row++) {
        size_t len = strlen(streams[row].text);
        for (size_t cut = 0; cut <= len; cut++) {
            auto_strbuf got = STRBUF_TEXT;
            auto_err e = ERR_INIT;
            struct message_reader r = MESSAGE_READER_INIT(collect, &got);
            int result = message_data(&r, streams[row].text, cut, &e);
            if (result == 0)
                result = message_data(&r, streams[row].text + cut, len - cut, &e);
            if (result == 0)
                result = message_finish(&r, &e);
            message_reader_release(&r);
            assert_string_equal(strbuf_text(&got), streams[row].want);
            assert_int_equal(result, streams[row].error ? -1 : 0);
            if (streams[row].error)
                assert_non_null(strstr(err_text(&e), streams[row].error));
        }
    }
}

static void test_line_without_end(void **state)
{
    (void)state;
    auto_strbuf got = STRBUF_TEXT;
    auto_err e = ERR_INIT;
    struct message_reader r = MESSAGE_READER_INIT(collect, &got);
    static char piece[64 << 10];
    memset(piece, 'x', sizeof(piece));
    int result = 0, pieces = 0;
    while (result == 0 && pieces++ < 100)
        result = message_data(&r, piece, sizeof(piece), &e);
    assert_int_equal(result, -1);
    assert_int_equal(pieces, 17);
    assert_non_null(strstr(err_text(&e), "more than 1048576 bytes"));
    message_reader_release(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_cut),
        cmocka_unit_test(test_line_without_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
