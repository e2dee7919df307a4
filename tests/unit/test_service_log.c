#include "stages/service_log.h"

#include "base/json.h"
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    const char *word; /* NULL: not set */
    int asked;
} words[] = {
    { NULL, 0 },    { "", 0 },     { "1", 1 },     { "t", 1 },     { "T", 1 },      { "TRUE", 1 }, { "true", 1 },
    { "True", 1 },  { "0", 0 },    { "f", 0 },     { "F", 0 },     { "FALSE", 0 },  { "false", 0 }, { "False", 0 },
    { "yes", -1 },  { "tRue", -1 }, { " true", -1 }, { "01", -1 }, { "true\n", -1 },
};

static void test_asked(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        auto_free char *entry = xasprintf("CUSTOM_ENV_CI_DEBUG_SERVICES=%s", words[i].word ? words[i].word : "");
        char *env[] = { words[i].word ? entry : NULL, NULL };
        print_message("    %s\n", words[i].word);
        assert_int_equal(service_log_asked(env), words[i].asked);
    }
}

#define AT(nanoseconds) "2026-11-22T01:02:03." nanoseconds "Z "
#define MESSAGE(text)   (text), sizeof(text) - 1

static const struct {
    const char *message;
    size_t len;
    bool colour;
    const char *line;
} lines[] = {
    { MESSAGE(AT("000000001") "hello\n"), false, "[service:db] hello\n" },
    { MESSAGE(AT("000000001") "hello\r\n"), false, "[service:db] hello\n" },
    { MESSAGE(AT("000000001") "hello\n"), true, "\033[0;37m[service:db] hello\033[0;m\n" },
    { MESSAGE(AT("000000001") "a piece of a long line"), false, "[service:db] a piece of a long line\n" },
    { MESSAGE(AT("000000001") "\n"), false, "[service:db] \n" },
    { MESSAGE(AT("000000001")), false, "[service:db] \n" },
    { MESSAGE(AT("000000001") "a\0b\0\0c\0\n"), false, "[service:db] a\\x00b\\x00\\x00c\\x00\n" },
    { MESSAGE(AT("000000001") "\033[31mred\tx\xff\n"), false, "[service:db] \\x1b[31mred\\tx\\xff\n" },
    { MESSAGE(AT("000000001") "one\ntwo\n"), false, "[service:db] one\\ntwo\n" },
    { MESSAGE("2026-11-22T01:02:03Z whole second\n"), false, "[service:db] whole second\n" },
    { MESSAGE("a daemon without times\n"), false, "[service:db] a daemon without times\n" },
    { MESSAGE("2026-11-22T01:02:03.000000000000000000000000000000000000000000Z long\n"), false,
      "[service:db] 2026-11-22T01:02:03.000000000000000000000000000000000000000000Z long\n" },
    { MESSAGE("\0 \n"), false, "[service:db] \\x00 \n" },
    { MESSAGE(""), false, "[service:db] \n" },
};

static void test_lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
        struct service_log log = { .id = "c1", .name = "db" };
        auto_strbuf out = STRBUF_TEXT;
        service_log_line(&log, STREAM_STDOUT, lines[i].message, lines[i].len, lines[i].colour, &out);
        assert_string_equal(strbuf_text(&out), lines[i].line);
    }
}

/* ---- From hook to hook ---- */

/* All that a service ever said: o and e are its streams, then nanoseconds, then the text. Times are not in order
 * between the two, and some are the same. */
static const struct {
    enum stream_kind kind;
    const char *message;
} said[] = {
    { STREAM_STDOUT, AT("000000001") "a\n" }, { STREAM_STDOUT, AT("000000005") "b\n" },
    { STREAM_STDERR, AT("000000004") "c\n" }, { STREAM_STDERR, AT("000000005") "d\n" },
    { STREAM_STDOUT, AT("000000005") "e\n" }, { STREAM_STDOUT, AT("000000005") "f\n" },
    { STREAM_STDOUT, AT("000000009") "g\n" }, { STREAM_STDERR, AT("000000006") "h\n" },
};

static void read_messages(struct service_log *log, size_t n, struct strbuf *out)
{
    for (size_t i = 0; i < n; i++)
        service_log_line(log, said[i].kind, said[i].message, strlen(said[i].message), false, out);
}

/* Wherever two earlier hooks stopped, a third one shows exactly the rest, with the marks written down between them. */
static void test_nothing_lost_and_nothing_twice(void **state)
{
    (void)state;
    for (size_t first = 0; first <= ARRAY_SIZE(said); first++)
        for (size_t second = first; second <= ARRAY_SIZE(said); second++) {
            const size_t ends[] = { first, second, ARRAY_SIZE(said) };
            auto_json *all = json_object();
            auto_strbuf out = STRBUF_TEXT;
            for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
                struct service_log log = { .id = "c1", .name = "" };
                service_log_load(&log, all);
                auto_free char *since = service_log_begin(&log);
                assert_int_equal(since != NULL, i > 0 && ends[i - 1] > 0);
                read_messages(&log, ends[i], &out);
                service_log_save(&log, all);
            }
            assert_string_equal(strbuf_text(&out), "[service:] a\n[service:] b\n[service:] c\n[service:] d\n"
                                                   "[service:] e\n[service:] f\n[service:] g\n[service:] h\n");
        }
}

static void test_a_clock_that_is_set_back(void **state)
{
    (void)state;
    struct service_log log = { .id = "c1", .name = "db" };
    auto_strbuf out = STRBUF_TEXT;
    service_log_line(&log, STREAM_STDOUT, MESSAGE(AT("000000005") "a\n"), false, &out);
    auto_free char *since = service_log_begin(&log);
    service_log_line(&log, STREAM_STDOUT, MESSAGE(AT("000000005") "a\n"), false, &out);
    service_log_line(&log, STREAM_STDOUT, MESSAGE(AT("000000006") "b\n"), false, &out);
    service_log_line(&log, STREAM_STDOUT, MESSAGE(AT("000000002") "c\n"), false, &out);
    assert_string_equal(strbuf_text(&out), "[service:db] a\n[service:db] b\n[service:db] c\n");
}

static const struct {
    const char *out, *err, *since; /* the times of the last messages, and what to ask for */
} begins[] = {
    { "", "", NULL },
    { "1970-01-01T00:00:10.000000007Z", "", "9.000000007" },
    { "1970-01-01T00:00:10.000000007Z", "1970-01-01T00:00:11.100000000Z", "10.100000000" },
    { "1970-01-01T00:00:12.5Z", "1970-01-01T00:00:11.100000000Z", "11.5" },
    { "1970-01-01T00:00:10Z", "", "9.0" },
    { "nonsense", "", NULL },
};

static void test_begin(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(begins); i++) {
        struct service_log log = { .id = "c1" };
        (void)snprintf(log.last[0].time, sizeof(log.last[0].time), "%s", begins[i].out);
        (void)snprintf(log.last[1].time, sizeof(log.last[1].time), "%s", begins[i].err);
        auto_free char *since = service_log_begin(&log);
        if (begins[i].since)
            assert_string_equal(since, begins[i].since);
        else
            assert_null(since);
    }
}

/* What others wrote into the file between two hooks is no reason to fall over. */
static void test_load_what_is_none(void **state)
{
    (void)state;
    static const char *const texts[] = { "{}", "[]", "{\"c1\":1}", "{\"c1\":{\"stdout\":{\"time\":7,\"n\":\"x\"}}}",
                                         "{\"c1\":{\"stdout\":{\"time\":\"2026-11-22T01:02:03.0000000000000000000000000Z\"}}}" };
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        auto_json *all = json_loads(texts[i], 0, NULL);
        struct service_log log = { .id = "c1", .name = "db" };
        assert_non_null(all);
        service_log_load(&log, all);
        auto_free char *since = service_log_begin(&log);
        assert_null(since);
    }
    struct service_log log = { .id = "c1", .name = "db" };
    service_log_load(&log, NULL);
    assert_string_equal(log.last[0].time, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_asked),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_nothing_lost_and_nothing_twice),
        cmocka_unit_test(test_a_clock_that_is_set_back),
        cmocka_unit_test(test_begin),
        cmocka_unit_test(test_load_what_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
