/* The daemon's events, by a scripted one. */
#include "engine/event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/support/scripted.h"

static int until_die(void *ctx, const json_t *event, struct err *e)
{
    (void)e;
    strbuf_printf(ctx, "%s ", json_text(event, "Action"));
    return strcmp(json_text(event, "Action"), "die") == 0;
}

static void test_events(void **state)
{
    (void)state;
    struct scripted s;
    scripted_open(&s, "> GET /events?since=12&filters=*\n 200 chunked\n json {\"Action\":\"start\"}\n"
                      " json {\"Action\":\"die\"}\n json {\"Action\":\"destroy\"}\n hang\n"
                      "> GET /events*\n 200 chunked\n json {\"Action\":\"start\"}\n");
    auto_err e = ERR_INIT;
    auto_strbuf heard = STRBUF_TEXT;
    auto_strvec labels = STRVEC_INIT;
    strvec_push(&labels, "atelier.job=1");
    check(event_listen(s.engine, &labels, 12, until_die, &heard, NULL, &e), &e);
    assert_string_equal(strbuf_text(&heard), "start die ");
    assert_int_equal(event_listen(s.engine, &labels, 0, until_die, &heard, NULL, &e), -1);
    assert_says(&e, ERR_SYSTEM, "ended its stream of events");
    scripted_stop(&s);
}

static void test_what_happened(void **state)
{
    (void)state;
    struct scripted s;
    scripted_open(&s, "> GET /events?since=12.003&until=13.450&filters=%7B%22container%22%3A%5B%22c%22%5D%2C%22event%22%3A"
                      "%5B%22oom%22%5D%7D\n 200 chunked\n json {\"Action\":\"oom\"}\n hang\n"
                      "> GET /events*\n 200 chunked\n"
                      "> GET /events*\n 500 {\"message\":\"no such thing\"}\n");
    auto_err e = ERR_INIT;
    bool happened = false;
    check(event_happened(s.engine, "c", "oom", 12003, 13450, &happened, &e), &e);
    assert_true(happened);
    check(event_happened(s.engine, "c", "oom", 12003, 13450, &happened, &e), &e);
    assert_false(happened);
    assert_int_equal(event_happened(s.engine, "c", "oom", 12003, 13450, &happened, &e), -1);
    assert_says(&e, ERR_SYSTEM, "no such thing");
    scripted_stop(&s);
}

static void test_deaths(void **state)
{
    (void)state;
    struct scripted s;
    scripted_open(&s, "> GET /events?since=1&filters=%7B%22container%22%3A%5B%22c%22%5D%7D\n 200 chunked\n"
                      " json {\"Action\":\"start\"}\n json {\"Action\":\"oom\"}\n"
                      " json {\"Action\":\"die\",\"Actor\":{\"Attributes\":{\"exitCode\":\"137\"}}}\n hang\n"
                      "> GET /events*\n 200 chunked\n json {\"Action\":\"die\",\"Actor\":{\"Attributes\":{\"exitCode\":\"9\"}}}\n"
                      " json {\"Action\":\"die\",\"Actor\":{\"Attributes\":{\"exitCode\":\"0\"}}}\n hang\n"
                      "> GET /events*\n 200 chunked\n json {\"Action\":\"die\"}\n hang\n"
                      "> GET /events*\n 200 chunked\n json {\"Action\":\"start\"}\n hang\n"
                      "> GET /events*\n 500 {\"message\":\"no such thing\"}\n");
    static const struct event_death seen[] = { { true, 137, true }, { true, 9, false }, { false, 0, false }, { false, 0, false } };
    auto_err e = ERR_INIT;
    struct event_death death;
    for (size_t i = 0; i < ARRAY_SIZE(seen); i++) {
        check(event_died(s.engine, "c", &death, &e), &e);
        assert_int_equal(death.known, seen[i].known);
        assert_int_equal(death.code, seen[i].code);
        assert_int_equal(death.oom, seen[i].oom);
    }
    assert_int_equal(event_died(s.engine, "c", &death, &e), -1);
    assert_says(&e, ERR_SYSTEM, "no such thing");
    scripted_stop(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_what_happened),
        cmocka_unit_test(test_deaths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
