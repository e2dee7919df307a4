/* Logs of containers by a scripted daemon. */
#include "engine/container.h"
#include "engine/logs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/support/scripted.h"

static void test_end_of_a_long_log(void **state)
{
    (void)state;
    struct scripted s;
    scripted_open(&s, "> GET /containers/c/logs?stdout=1&stderr=1&tail=5\n 200 chunked\n stdout \"one\\n\"\n"
                      " stderr \"two\\n\"\n stdout \"three\\n\"\n"
                      "> GET /containers/c/logs*\n 200 chunked\n stdout \"a line longer than the limit\"\n");
    auto_err e = ERR_INIT;
    auto_free char *text = NULL, *end = NULL;
    check(container_logs(s.engine, "c", 5, 10, &text, &e), &e);
    assert_string_equal(text, "two\nthree\n");
    check(container_logs(s.engine, "c", 5, 10, &end, &e), &e);
    assert_string_equal(end, " the limit");
    scripted_stop(&s);
}

static int keep_message(void *ctx, enum stream_kind kind, const char *text, size_t len, struct err *e)
{
    (void)e;
    strbuf_printf(ctx, "%d:%.*s|", (int)kind, (int)len, text);
    return 0;
}

static void test_messages_of_a_log(void **state)
{
    (void)state;
    struct scripted s;
    scripted_open(&s, "> GET /containers/c/logs?stdout=1&stderr=1&timestamps=1\n 200 chunked\n stdout \"1 one\\n\"\n"
                      " stderr \"2 two\"\n stdout \"3 three\\n\"\n"
                      "> GET /containers/c/logs?stdout=1&stderr=1&timestamps=1&follow=1&since=9.5\n 200 chunked\n"
                      " stdout \"4 four\\n\"\n"
                      "> GET /containers/c/logs*\n 404 {\"message\":\"No such container: c\"}\n");
    auto_strbuf heard = STRBUF_TEXT;
    auto_err e = ERR_INIT;
    struct logs of = { .id = "c", .message = keep_message, .ctx = &heard };
    check(logs_read_all(s.engine, &of, 1, false, NULL, &e), &e);
    of.since = "9.5";
    check(logs_read_all(s.engine, &of, 1, true, NULL, &e), &e);
    assert_string_equal(strbuf_text(&heard), "1:1 one\n|2:2 two|1:3 three\n|1:4 four\n|");
    assert_int_equal(logs_read_all(s.engine, &of, 1, true, NULL, &e), -1);
    assert_says(&e, ERR_NOT_FOUND, "No such container");
    assert_int_equal(logs_read_all(s.engine, NULL, 0, true, NULL, NULL), 0);
    scripted_stop(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_end_of_a_long_log),
        cmocka_unit_test(test_messages_of_a_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
